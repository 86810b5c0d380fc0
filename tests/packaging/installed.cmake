# SPDX-License-Identifier: Apache-2.0
# Installs BUILD into a fresh prefix, then configures, builds and runs the project in SOURCE against it.
include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")
file(REMOVE_RECURSE "${WORK}")
run(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${WORK}/prefix")
run(${CMAKE_COMMAND} -G Ninja -S "${SOURCE}" -B "${WORK}/build" "-DCMAKE_PREFIX_PATH=${WORK}/prefix" -DCMAKE_CXX_FLAGS=-fuse-ld=mold)
run(${CMAKE_COMMAND} --build "${WORK}/build")
run("${WORK}/build/stranger")
