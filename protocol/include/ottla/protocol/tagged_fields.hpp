// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ottla/bytes.hpp>

namespace ottla::protocol {

// A tagged field that this release does not know (KIP-482): kept as it came, so that it can be passed on.
struct TaggedField {
    std::uint32_t tag = 0;
    Bytes data;
    friend bool operator==(const TaggedField&, const TaggedField&) = default;
};

// In rising order of tags.
using TaggedFields = std::vector<TaggedField>;

}  // namespace ottla::protocol
