// SPDX-License-Identifier: Apache-2.0
// Murmur 2 with Kafka's seed; the sign bit is dropped before the remainder is taken.
#include "client/producer/partitioner.hpp"

namespace ottla::client {

std::uint32_t murmur2(ByteSpan bytes) noexcept {
    constexpr std::uint32_t seed = 0x9747b28c;
    constexpr std::uint32_t factor = 0x5bd1e995;
    std::uint32_t h = seed ^ static_cast<std::uint32_t>(bytes.size());
    std::size_t i = 0;
    for (; i + 4 <= bytes.size(); i += 4) {
        std::uint32_t k = static_cast<std::uint32_t>(bytes[i]) | static_cast<std::uint32_t>(bytes[i + 1]) << 8 |
                          static_cast<std::uint32_t>(bytes[i + 2]) << 16 |
                          static_cast<std::uint32_t>(bytes[i + 3]) << 24;
        k *= factor;
        k ^= k >> 24;
        k *= factor;
        h = (h * factor) ^ k;
    }
    if (i < bytes.size()) {
        for (std::size_t left = bytes.size() - i; left-- > 0;)
            h ^= static_cast<std::uint32_t>(bytes[i + left]) << (8 * left);
        h *= factor;
    }
    h ^= h >> 13;
    h *= factor;
    return h ^ (h >> 15);
}

std::int32_t partition_by_murmur2(ByteSpan key, std::int32_t count) noexcept {
    return static_cast<std::int32_t>((murmur2(key) & 0x7fffffff) % static_cast<std::uint32_t>(count));
}

}  // namespace ottla::client
