// SPDX-License-Identifier: Apache-2.0
// BatchCleaner: what compaction leaves of one batch. Bytes in, bytes out; knows nothing of files.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/protocol/compression.hpp>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/result.hpp>
#include "broker/log/compaction/key_offsets.hpp"

namespace ottla::broker::log {

// What is known of the round when a batch comes.
struct CleaningRules {
    const KeyOffsets* last = nullptr;
    std::int64_t indexed_up_to = 0;  // `last` knows the records before it; those from it on stay
    std::int64_t now_ms = 0;
    std::int64_t delete_retention_ms = 0;
};

// What is known of the batch.
struct BatchFate {
    bool records_go = false;    // aborted, or a marker whose time is over
    bool header_stays = false;  // even without records: somebody needs its offset, or its producer's sequence
    bool is_spent = false;      // a marker of a transaction without records: it goes when its horizon has passed
};

class BatchCleaner {
public:
    // The bytes that stay, good until the next call: the batch as it is, what is left of it, its header alone; empty
    // when nothing is. corrupt_storage when the records cannot be read.
    Result<ByteSpan> clean(const protocol::RecordBatchView&, const CleaningRules&, const BatchFate&);

    // Notes the offsets of all keys from `first` on. Where there is no more room: the offset of the first that found
    // none.
    Result<std::optional<std::int64_t>> note_keys(const protocol::RecordBatchView&, std::int64_t first, KeyOffsets&);

    std::uint64_t records_read() const noexcept { return records_read_; }
    std::uint64_t records_kept() const noexcept { return records_kept_; }

private:
    struct Survivors;
    static Error unreadable(const protocol::RecordBatchView&, std::string_view why);
    Result<protocol::RecordReader> records(const protocol::RecordBatchView&);
    Result<ByteSpan> rewrite(const protocol::RecordBatchView&, protocol::RecordReader, const Survivors&);
    ByteSpan header_alone(protocol::RecordBatchHeader);

    protocol::Decompressor decompressor_;
    protocol::Compressor compressor_;
    Buffer decompressed_;
    Buffer records_;
    Buffer out_;
    std::vector<bool> stays_;  // of each record in the batch
    std::uint64_t records_read_ = 0;
    std::uint64_t records_kept_ = 0;
};

}  // namespace ottla::broker::log
