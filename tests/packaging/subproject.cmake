# SPDX-License-Identifier: Apache-2.0
# Takes ROOT into the project in SOURCE. A full run (OTTLA_FULL) also builds and runs its program, which compiles all
# that the program needs once more.
include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")
file(REMOVE_RECURSE "${WORK}")
run(${CMAKE_COMMAND} -G Ninja -S "${SOURCE}" -B "${WORK}" "-DOTTLA_ROOT=${ROOT}" -DCMAKE_CXX_FLAGS=-fuse-ld=mold -DOTTLA_UNITY=ON)
if(DEFINED ENV{OTTLA_FULL})
  run(${CMAKE_COMMAND} --build "${WORK}" --target guest)
  run("${WORK}/guest")
endif()
