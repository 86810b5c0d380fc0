# SPDX-License-Identifier: Apache-2.0
# ottla-wire with the messages of SPECS, as -DOTTLA_SPECS builds it, knows them and no others. Only a full run
# (OTTLA_FULL) compiles it.
include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")
file(REMOVE_RECURSE "${WORK}")
run(${CMAKE_COMMAND} -G Ninja -S "${ROOT}" -B "${WORK}" "-DOTTLA_SPECS=${SPECS}" -DCMAKE_CXX_FLAGS=-fuse-ld=mold
    -DOTTLA_BUILD_TESTS=OFF -DOTTLA_BUILD_EXAMPLES=OFF -DOTTLA_BUILD_BENCH=OFF)
if(DEFINED ENV{OTTLA_FULL})
  run(${CMAKE_COMMAND} --build "${WORK}" --target ottla-wire)
  execute_process(COMMAND "${WORK}/bin/ottla-wire" list OUTPUT_VARIABLE known COMMAND_ERROR_IS_FATAL ANY)
  if(NOT known MATCHES "SampleRequest" OR known MATCHES "MetadataRequest")
    message(FATAL_ERROR "ottla-wire list of ${SPECS} says:\n${known}")
  endif()
endif()
