// SPDX-License-Identifier: Apache-2.0
// Compaction: one round over a log. First the last offset of each key in the dirty part is learned, then all segments
// up to there are copied without what is outdated, small ones together. It works on what the log's owner handed it and
// touches nothing of the log: a finished group stands beside it under `.cleaned` names, until commit_cleaned() and
// place_cleaned() put it in place, and Log::replace() reads it. Blocks; any thread, one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <ottla/result.hpp>
#include "base/random.hpp"
#include "broker/log/batch_walk.hpp"
#include "broker/log/compaction/batch_cleaner.hpp"
#include "broker/log/compaction/cleaned_transactions.hpp"
#include "broker/log/compaction/key_offsets.hpp"
#include "broker/log/retired.hpp"
#include "broker/log/segment.hpp"

namespace ottla::broker::log {

// What is compacted, taken from the log by its owner.
struct CompactionInput {
    struct Source {
        std::shared_ptr<File> file;
        std::int64_t base_offset = 0;
        std::int64_t next_offset = 0;
        std::uint64_t size = 0;
    };
    // The last batch of a producer that is still known: its header stays, so that a rebuild finds the sequence.
    struct LastBatch {
        std::int16_t epoch = -1;
        std::int64_t last_offset = -1;  // -1: a marker was the last
    };
    std::string directory;
    LogConfig config;
    std::vector<Source> segments;                   // whole ones, from the log's first on
    std::vector<std::shared_ptr<File>> aborted_in;  // all indexes of aborted transactions of the log
    std::unordered_map<std::int64_t, LastBatch> producers;
    std::int64_t first_dirty = 0;
};

struct CompactionOptions {
    std::int64_t now_ms = 0;
    std::int64_t delete_retention_ms = 86'400'000;
    std::size_t map_bytes_max = 128U << 20;
};

// Segments that became one.
struct CleanedGroup {
    std::int64_t base_offset = 0;
    std::int64_t next_offset = 0;  // of the last segment in it
    std::vector<std::int64_t> bases;
    bool has_aborted = false;
    std::uint32_t index_interval_bytes = 0;
};

class Compaction {
public:
    Compaction(Disk&, CompactionInput, const CompactionOptions&, base::Random);

    enum class Progress : std::uint8_t { more, group_is_ready, done };
    // Goes on for about so many bytes, read and written. corrupt_storage for a damaged batch: nothing of it is dropped.
    Result<Progress> step(std::uint64_t bytes);
    // After group_is_ready: on stable storage, under `.cleaned` names.
    const CleanedGroup& group() const noexcept { return group_; }
    // The dirty part begins here after the round.
    std::int64_t clean_up_to() const noexcept { return indexed_up_to_; }

    // In both passes.
    std::uint64_t bytes_read() const noexcept { return bytes_read_; }
    // Of the segments that were copied: each counts once.
    std::uint64_t bytes_copied() const noexcept { return bytes_copied_; }
    std::uint64_t bytes_written() const noexcept { return bytes_written_; }
    const BatchCleaner& records() const noexcept { return cleaner_; }
    const KeyOffsets& keys() const noexcept { return keys_; }

private:
    enum class Phase : std::uint8_t { begin, index, copy, done };
    Result<void> begin();
    Result<void> check_place(const CompactionInput::Source&, const protocol::RecordBatchHeader&);
    Result<void> index_batch(const protocol::RecordBatchView&);
    Result<bool> index_some();
    Result<bool> copy_some();
    Result<void> open_group();
    Result<void> copy_batch(const protocol::RecordBatchView&);
    Result<void> write_out();
    Result<void> close_group();
    Result<BatchFate> fate_of(const protocol::RecordBatchView&);

    Disk& disk_;
    CompactionInput input_;
    CompactionOptions options_;
    KeyOffsets keys_;
    std::vector<TransactionIndexEntry> aborted_;
    std::optional<CleanedTransactions> transactions_;
    BatchCleaner cleaner_;
    Phase phase_ = Phase::begin;
    std::int64_t indexed_up_to_;
    bool keys_full_ = false;

    std::size_t at_ = 0;  // the segment that is walked over
    std::optional<CheckedWalk> walk_;
    std::int64_t next_offset_ = 0;  // of the walk
    CleanedGroup group_;
    std::size_t group_end_ = 0;  // behind the last segment of the group
    std::shared_ptr<File> out_file_;
    std::unique_ptr<Segment> out_;
    Buffer pending_;  // of the cleaned segment, not written yet
    std::uint64_t bytes_read_ = 0;
    std::uint64_t bytes_copied_ = 0;
    std::uint64_t bytes_written_ = 0;
};

// The group's files take their places on the disk, but for the last step, which is place_cleaned(): `.swap` names,
// which a stop from here on does not undo, and what the group replaces, but for its first segment, called `.deleted`.
// Blocks.
Result<Retired> commit_cleaned(Disk&, const std::string& directory, const CleanedGroup&);
// The last step: final names, to be synced with their directory. For Log::replace(). Blocks.
Result<std::unique_ptr<Segment>> place_cleaned(Disk&, const std::string& directory, const CleanedGroup&);
// Takes back a group that nobody wants any more. Blocks.
Result<void> drop_cleaned(Disk&, const std::string& directory, const CleanedGroup&);

}  // namespace ottla::broker::log
