// SPDX-License-Identifier: Apache-2.0
// Partitioners: which partition a key belongs to, by librdkafka's names. Each hash has a file of its own and a row in
// the table; records without a key go to the sticky partition (sticky_partition.hpp). Pure.
#pragma once

#include <cstdint>

#include <ottla/bytes.hpp>
#include <ottla/header.hpp>

#include "client/config/client_config.hpp"

namespace ottla::client {

struct PartitionerRow {
    Partitioner id;
    // 0 … count - 1 for a key; null: no key decides anything, every record goes anywhere.
    std::int32_t (*partition_of)(ByteSpan key, std::int32_t count);
    // Records without a key, or with an empty one, are spread instead of hashed.
    bool spreads_null;
    bool spreads_empty;
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
