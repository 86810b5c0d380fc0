// SPDX-License-Identifier: Apache-2.0
// The `.snapshot` files beside the segments: what is known of each producer at an offset, so that after a start only
// what follows has to be read again. Layout: int16 version 1, uint32 crc32c of what follows, int32 count, entries.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/result.hpp>

namespace ottla::broker::log {

struct ProducerEntry {
    static constexpr std::size_t size = 46;

    std::int64_t producer_id = -1;
    std::int16_t epoch = -1;
    // Of its last batch: -1 after a marker alone.
    std::int32_t last_sequence = -1;
    std::int64_t last_offset = -1;
    std::int32_t offset_delta = 0;  // from the batch's first to its last offset
    std::int64_t timestamp = -1;    // the largest of its last batch, markers included
    std::int32_t coordinator_epoch = -1;
    std::int64_t transaction_first_offset = -1;  // of the open one; -1: none is open
    friend bool operator==(const ProducerEntry&, const ProducerEntry&) = default;
};

// corrupt_storage when the bytes are not a whole snapshot with its checksum; unsupported_version names another layout.
Result<std::vector<ProducerEntry>> parse_producer_snapshot(ByteSpan bytes);
std::string producer_snapshot_bytes(std::span<const ProducerEntry> entries);

}  // namespace ottla::broker::log
