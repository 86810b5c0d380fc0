// SPDX-License-Identifier: Apache-2.0
// The log segment that Apache Kafka wrote (tests/golden/log), as bytes.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

#include <ottla/bytes.hpp>

namespace ottla::protocol {

inline Bytes golden_segment() {
    std::ifstream in(OTTLA_SOURCE_DIR "/tests/golden/log/00000000000000000000.log", std::ios::binary);
    return Bytes::from(std::string(std::istreambuf_iterator<char>(in), {}));
}

}  // namespace ottla::protocol
