// SPDX-License-Identifier: Apache-2.0
#include "broker/server/partition_key.hpp"

namespace ottla::broker {

// FNV-1a over the bytes of the key: the ids are random, so nothing better is needed, and it is the same everywhere.
std::size_t hash_value(const PartitionKey& key) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325U;
    const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3U; };
    for (const auto byte : key.topic_id.bytes) mix(byte);
    for (int shift = 0; shift < 32; shift += 8)
        mix(static_cast<std::uint8_t>(static_cast<std::uint32_t>(key.partition) >> shift));
    return static_cast<std::size_t>(hash ^ (hash >> 32));
}

}  // namespace ottla::broker
