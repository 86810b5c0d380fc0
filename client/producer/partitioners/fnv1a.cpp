// SPDX-License-Identifier: Apache-2.0
// FNV-1a; the hash is taken as signed, and a negative one is negated.
#include "client/producer/partitioner.hpp"

namespace ottla::client {

std::uint32_t fnv1a(ByteSpan bytes) noexcept {
    std::uint32_t h = 0x811c9dc5;
    for (const std::uint8_t byte : bytes) h = (h ^ byte) * 0x01000193;
    return h;
}

std::int32_t partition_by_fnv1a(ByteSpan key, std::int32_t count) noexcept {
    const std::uint32_t h = fnv1a(key);
    const std::uint32_t magnitude = (h & 0x80000000) != 0 ? 0U - h : h;
    return static_cast<std::int32_t>(magnitude % static_cast<std::uint32_t>(count));
}

}  // namespace ottla::client
