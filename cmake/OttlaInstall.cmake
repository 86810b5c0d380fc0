# SPDX-License-Identifier: Apache-2.0
# cmake --install: libraries, public headers, programs, and the package that find_package(ottla) reads. The headers of
# protocol/ are installed because client and broker use them; they carry no promise of stability.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(ottla_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ottla")
foreach(name base json asio codec protocol any_message protocol_json net client log broker)
  if(TARGET ottla_${name})
    install(TARGETS ottla_${name} EXPORT ottlaTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endforeach()
foreach(room base protocol client broker)
  if(EXISTS "${PROJECT_SOURCE_DIR}/${room}/include")
    install(DIRECTORY ${room}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  endif()
endforeach()
if(OTTLA_GENERATED_INCLUDE_DIR)
  install(DIRECTORY "${OTTLA_GENERATED_INCLUDE_DIR}/" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp" PATTERN "*.inc")
endif()
foreach(program ottla ottla-broker ottla-wire)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

install(EXPORT ottlaTargets NAMESPACE ottla:: DESTINATION ${ottla_package_dir})
configure_package_config_file(cmake/ottlaConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/ottlaConfig.cmake"
  INSTALL_DESTINATION ${ottla_package_dir})
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/ottlaConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/ottlaConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/ottlaConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/OttlaDependencies.cmake" DESTINATION ${ottla_package_dir})
