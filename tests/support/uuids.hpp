// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ottla/uuid.hpp>

namespace ottla::test {

// Zero but for its last byte.
inline Uuid uuid_ending_in(std::uint8_t last) {
    Uuid id;
    id.bytes[15] = last;
    return id;
}

}  // namespace ottla::test
