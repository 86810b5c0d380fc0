# SPDX-License-Identifier: Apache-2.0
# How our own targets are compiled: language level, warnings, sanitizers, fast linker, ccache. Nothing here reaches
# a project that takes Ottla in by add_subdirectory, except through the targets it links.

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Programs and libraries are compiled alike, so that both can use one precompiled header.
set(CMAKE_CXX_COMPILE_OPTIONS_PIE "-fPIC")
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
  set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
  find_program(OTTLA_CCACHE ccache)
  if(OTTLA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Precompiled headers are cached only when ccache may trust their time stamps and macros.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
        "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
        "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" "CCACHE_NOHASHDIR=1" ${OTTLA_CCACHE})
  endif()
endif()

add_library(ottla_options INTERFACE)
target_compile_features(ottla_options INTERFACE cxx_std_20)
target_compile_options(ottla_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${OTTLA_WARNINGS_AS_ERRORS}>:-Werror>
  $<$<OR:$<CONFIG:RelWithDebInfo>,$<AND:$<CONFIG:Debug>,$<CXX_COMPILER_ID:Clang>>>:-g1>
  # It collects its garbage when it has this much, in KiB: what it saves in memory before costs a twelfth of the time.
  $<$<CXX_COMPILER_ID:GNU>:--param=ggc-min-heapsize=1000000>
  # gcc 12 warns about its own inlining of std::string, optional and coroutine frames; the sanitizers see the real thing.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-restrict;-Wno-stringop-overflow;-Wno-array-bounds;-Wno-mismatched-new-delete;-Wno-subobject-linkage;-fpch-preprocess>
  $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-field-initializers>
  -Wno-missing-field-initializers)
if(OTTLA_SANITIZE)
  target_compile_options(ottla_options INTERFACE -fsanitize=${OTTLA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(ottla_options INTERFACE -fsanitize=${OTTLA_SANITIZE})
  if(OTTLA_SANITIZE MATCHES "thread")
    # Asio's fences, which gcc's ThreadSanitizer does not see; what they order is ordered by mutexes, too, which it does.
    target_compile_options(ottla_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  endif()
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(ottla_options INTERFACE -Og)
endif()

find_program(OTTLA_MOLD mold)
find_program(OTTLA_LLD NAMES ld.lld ld.lld-16)
if(PROJECT_IS_TOP_LEVEL AND OTTLA_MOLD)
  add_link_options(-fuse-ld=mold)
elseif(PROJECT_IS_TOP_LEVEL AND OTTLA_LLD)
  add_link_options(-fuse-ld=lld)
endif()

# Sources of a target are compiled together, some at a time: most of what each would compile is what all include.
set(OTTLA_UNITY_BATCH 8)
function(ottla_unity target)
  if(OTTLA_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${OTTLA_UNITY_BATCH})
  endif()
endfunction()

# ottla_precompiled_asio(TARGET LINK ...): TARGET, which links those, reuses the one precompiled header of Asio
# (net/asio/precompiled.hpp), unless nothing of Asio comes with them.
function(ottla_precompiled_asio target)
  if("${ARGN}" MATCHES "ottla::(asio|net|client|log|broker)|ottla_(cli|simulation)")
    target_precompile_headers(${target} REUSE_FROM ottla_asio_pch)
  endif()
endfunction()

# ottla_library(NAME [PUBLIC_HEADERS] SOURCES ... LINK ... PRIVATE_LINK ...)
# A layer of the house: static, seen as ottla::NAME, its own headers by the path from the root, its public ones
# from <folder>/include.
function(ottla_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(ottla_${name} STATIC ${arg_SOURCES})
  add_library(ottla::${name} ALIAS ottla_${name})
  set_target_properties(ottla_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(ottla_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/include")
    target_include_directories(ottla_${name} PUBLIC
      $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  endif()
  target_compile_features(ottla_${name} PUBLIC cxx_std_20)
  ottla_unity(ottla_${name})
  ottla_precompiled_asio(ottla_${name} ${arg_LINK})
  target_link_libraries(ottla_${name} PUBLIC ${arg_LINK} PRIVATE ${arg_PRIVATE_LINK} $<BUILD_INTERFACE:ottla_options>)
endfunction()

# ottla_program(NAME SOURCES ... LINK ...): lands in build/<preset>/bin. Nothing is precompiled for it: what an example
# does not include itself is missed by whoever copies it.
function(ottla_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  ottla_unity(${name})
  target_link_libraries(${name} PRIVATE ${arg_LINK} ottla_options)
endfunction()

# ottla_test(NAME [LABELS ...] SOURCES ... LINK ...): one GoogleTest program, one CTest entry.
function(ottla_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  ottla_unity(${name})
  ottla_precompiled_asio(${name} ${arg_LINK})
  target_link_libraries(${name} PRIVATE ${arg_LINK} ottla_options GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE OTTLA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  # What is tested is optimised; the tests need not be.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release,RelWithDebInfo>:-O1>)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "${arg_LABELS}")
endfunction()
