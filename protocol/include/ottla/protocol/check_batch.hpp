// SPDX-License-Identifier: Apache-2.0
// What a broker checks of a batch that a client produced, before it reaches the log: with Kafka's error codes.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ottla/bytes.hpp>
#include <ottla/protocol/compression.hpp>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/result.hpp>

namespace ottla::protocol {

struct BatchRules {
    // max.message.bytes of the topic: of the batch as it was sent.
    std::size_t batch_bytes_max = 1'048'588;
    std::size_t decompressed_bytes_max = 256U << 20;
    // Produce below version 7 may not carry zstd.
    bool zstd_allowed = true;
};

struct CheckedBatch {
    RecordBatchView view;
    // Of the records themselves; the header's may differ.
    std::int64_t min_timestamp = RecordBatchHeader::no_timestamp;
    std::int64_t max_timestamp = RecordBatchHeader::no_timestamp;
    std::int64_t offset_of_max_timestamp = 0;  // relative to the base offset; the first one at that time
    bool all_have_keys = true;
    // What follows the header, not compressed: in the batch itself or in the space where it was opened.
    ByteSpan uncompressed;

    CheckedBatch() noexcept = default;
};

// `records` must be exactly one batch of magic 2, not a control batch, its crc right, codec known, with as many
// records as its offsets, which are dense, and every record well formed down to its headers.
//   invalid_record, corrupt_message (crc), message_too_large, unsupported_compression_type, invalid_timestamp
// `space` is where a compressed batch is opened (emptied first); reuse it.
Result<CheckedBatch> check_produced_batch(ByteSpan records, const BatchRules&, Decompressor&, Buffer& space);

}  // namespace ottla::protocol
