// SPDX-License-Identifier: Apache-2.0
// The entries of the three indexes beside a segment, big-endian and of fixed size, as Kafka lays them out. Offsets in
// `.index` and `.timeindex` are relative to the segment's base offset.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ottla/protocol/big_endian.hpp>

namespace ottla::broker::log {

// `.index`: a batch by its last offset. Both rise from entry to entry.
struct OffsetIndexEntry {
    static constexpr std::size_t size = 8;

    std::int32_t last_offset = 0;
    std::int32_t position = 0;  // where the batch begins in the `.log`

    static OffsetIndexEntry read(const std::uint8_t* from) noexcept {
        return {protocol::load_big<std::int32_t>(from), protocol::load_big<std::int32_t>(from + 4)};
    }
    void write(std::uint8_t* to) const noexcept {
        protocol::store_big(to, last_offset);
        protocol::store_big(to + 4, position);
    }
    friend bool operator==(const OffsetIndexEntry&, const OffsetIndexEntry&) = default;
};

// `.timeindex`: the largest timestamp so far and the last offset of the batch that has it, the first of equals. An
// entry is added only when its timestamp rises.
struct TimeIndexEntry {
    static constexpr std::size_t size = 12;

    std::int64_t timestamp = -1;
    std::int32_t last_offset = 0;

    static TimeIndexEntry read(const std::uint8_t* from) noexcept {
        return {protocol::load_big<std::int64_t>(from), protocol::load_big<std::int32_t>(from + 8)};
    }
    void write(std::uint8_t* to) const noexcept {
        protocol::store_big(to, timestamp);
        protocol::store_big(to + 8, last_offset);
    }
    friend bool operator==(const TimeIndexEntry&, const TimeIndexEntry&) = default;
};

// `.txnindex`: an aborted transaction, in the order of their markers. The file is there only when there is one.
struct TransactionIndexEntry {
    static constexpr std::size_t size = 34;
    static constexpr std::int16_t version = 0;  // stands before the fields

    std::int64_t producer_id = -1;
    std::int64_t first_offset = 0;
    std::int64_t last_offset = 0;  // of the marker
    // The last stable offset after it: what a reader needs to look for aborted transactions ends here.
    std::int64_t last_stable_offset = 0;

    // `found_version`: what stands in its place; an entry of another version means nothing to us.
    static TransactionIndexEntry read(const std::uint8_t* from, std::int16_t& found_version) noexcept {
        found_version = protocol::load_big<std::int16_t>(from);
        return {protocol::load_big<std::int64_t>(from + 2), protocol::load_big<std::int64_t>(from + 10),
                protocol::load_big<std::int64_t>(from + 18), protocol::load_big<std::int64_t>(from + 26)};
    }
    void write(std::uint8_t* to) const noexcept {
        protocol::store_big(to, version);
        protocol::store_big(to + 2, producer_id);
        protocol::store_big(to + 10, first_offset);
        protocol::store_big(to + 18, last_offset);
        protocol::store_big(to + 26, last_stable_offset);
    }
    friend bool operator==(const TransactionIndexEntry&, const TransactionIndexEntry&) = default;
};

}  // namespace ottla::broker::log
