# SPDX-License-Identifier: Apache-2.0
# What we stand on. Libraries without a CMake package of their own become imported targets here; the installed
# package (ottlaConfig.cmake) includes this very file, so that both see the same.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)

# ottla_find_library(TARGET HEADER NAME PACKAGE): an imported target for a plain C library; PACKAGE has it on Debian.
function(ottla_find_library target header name package)
  if(TARGET ottla::${target})
    return()
  endif()
  find_path(OTTLA_${target}_INCLUDE ${header})
  find_library(OTTLA_${target}_LIBRARY ${name})
  if(NOT OTTLA_${target}_INCLUDE OR NOT OTTLA_${target}_LIBRARY)
    message(FATAL_ERROR "Ottla needs ${header} and lib${name}: on Debian, apt-get install ${package}")
  endif()
  add_library(ottla::${target} UNKNOWN IMPORTED)
  set_target_properties(ottla::${target} PROPERTIES
    IMPORTED_LOCATION "${OTTLA_${target}_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${OTTLA_${target}_INCLUDE}")
endfunction()
ottla_find_library(zstd_lib zstd.h zstd libzstd-dev)
ottla_find_library(lz4_lib lz4frame.h lz4 liblz4-dev)
ottla_find_library(snappy_lib snappy.h snappy libsnappy-dev)
ottla_find_library(isal_lib isa-l.h isal libisal-dev)
ottla_find_library(deflate_lib libdeflate.h deflate libdeflate-dev)
ottla_find_library(re2_lib re2/re2.h re2 libre2-dev)

if(OTTLA_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(OTTLA_BUILD_BENCH)
  find_package(benchmark REQUIRED)
endif()
if(OTTLA_BUILD_TOOLS)
  find_package(CLI11 REQUIRED)
endif()
