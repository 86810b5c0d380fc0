// SPDX-License-Identifier: Apache-2.0
// Partitioners: which partition a key belongs to, by librdkafka's names. Each hash has a file of its own and a row in
// the table, which also says where records go whose key decides nothing. Pure.
#pragma once

#include <cstdint>

#include <ottla/bytes.hpp>
#include <ottla/header.hpp>

#include "client/config/client_config.hpp"

namespace ottla::client {

// Where records go whose key decides nothing.
enum class Spread : std::uint8_t {
    sticky,   // to one partition for a while (sticky_partition.hpp)
    random,   // each anywhere
    in_turn,  // each to the next that has a leader
};

struct PartitionerRow {
    Partitioner id;
    // 0 … count - 1 for a key; null: no key decides anything, every record goes anywhere.
    std::int32_t (*partition_of)(ByteSpan key, std::int32_t count);
    // Records without a key, or with an empty one, are spread instead of hashed.
    bool spreads_null;
    bool spreads_empty;
    Spread spread;
};

const PartitionerRow& partitioner_row(Partitioner) noexcept;

// The key says nothing about the partition.
inline bool is_spread(const PartitionerRow& row, BytesView key) noexcept {
    if (row.partition_of == nullptr) return true;
    return (key.is_null() && row.spreads_null) || (key.empty() && row.spreads_empty);
}

// CRC-32 (of zip), as librdkafka's "consistent".
std::int32_t partition_by_crc32(ByteSpan key, std::int32_t count) noexcept;
// Murmur 2, as Apache Kafka's Java client.
std::int32_t partition_by_murmur2(ByteSpan key, std::int32_t count) noexcept;
std::uint32_t murmur2(ByteSpan) noexcept;
// FNV-1a, as Sarama.
std::int32_t partition_by_fnv1a(ByteSpan key, std::int32_t count) noexcept;
std::uint32_t fnv1a(ByteSpan) noexcept;

}  // namespace ottla::client
