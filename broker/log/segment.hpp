// SPDX-License-Identifier: Apache-2.0
// Segment: one `.log` file of a partition, batches back to back, with its sparse indexes from offsets and timestamps
// to file positions. Written by the log's owner only; what a reader needs is taken out as a plan that runs on any
// thread.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ottla/protocol/record_batch.hpp>
#include "broker/log/disk.hpp"
#include "broker/log/index_file.hpp"
#include "broker/log/log_types.hpp"

namespace ottla::broker::log {

// "00000000000000000042.log"
std::string segment_name(std::int64_t base_offset, std::string_view suffix = ".log");
// The offset in such a name; nothing for other names.
std::optional<std::int64_t> parse_segment_name(std::string_view name, std::string_view suffix = ".log");

class Segment {
public:
    // Indexes name positions in 31 bits.
    static constexpr std::uint64_t bytes_limit = std::numeric_limits<std::int32_t>::max();

    // Without batches. `stale_indexes`: what stands beside the file is of no use.
    Segment(std::shared_ptr<File> file, std::int64_t base_offset, std::uint32_t index_interval_bytes,
            bool stale_indexes = false);
    // One whose batches are sound, by its indexes: only what lies behind their last entries is read, header by header.
    // Nothing when an index is missing or insane. `next_base`: the next segment's, if there is one.
    static Result<std::unique_ptr<Segment>> load(Disk&, std::shared_ptr<File> file, std::int64_t base_offset,
                                                 std::uint32_t index_interval_bytes,
                                                 std::optional<std::int64_t> next_base);

    const std::shared_ptr<File>& file() const noexcept { return file_; }
    std::int64_t base_offset() const noexcept { return base_offset_; }
    std::int64_t next_offset() const noexcept { return next_offset_; }
    std::uint64_t size() const noexcept { return size_; }
    std::int64_t max_timestamp() const noexcept { return max_timestamp_; }
    LogPosition end() const noexcept { return {next_offset_, base_offset_, size_}; }
    // The batch fits behind what is there and `bytes_before` it: in bytes, in 31 bits of position and in 31 bits of
    // relative offset. An empty segment takes any.
    bool takes(const protocol::RecordBatchHeader&, std::uint64_t bytes_before, std::uint64_t bytes_max) const noexcept;
    // One of the indexes has so many bytes. That of times keeps room for its closing entry.
    bool indexes_full(std::uint32_t bytes_max) const noexcept;
    // The largest timestamp of the first batch. The segment is not empty; blocks when it was loaded by its indexes.
    Result<std::int64_t> first_timestamp();
    // When it was first asked for this: shortly after the segment was made or opened.
    std::int64_t began_ms(std::int64_t now_ms) noexcept {
        if (!began_ms_) began_ms_ = now_ms;
        return *began_ms_;
    }

    // What is found behind the last batch may be one of this segment: it rises, and indexes can name its offsets.
    bool may_hold(const protocol::RecordBatchHeader& batch) const noexcept {
        return batch.base_offset >= next_offset_ &&
               batch.last_offset() - base_offset_ <= std::numeric_limits<std::int32_t>::max();
    }
    // A batch was written, or found, at size().
    void add(const protocol::RecordBatchHeader&);
    // A begin of a batch, and the largest timestamp before it with the last offset of the batch that has it.
    struct Mark {
        std::uint64_t position = 0;
        std::int64_t max_timestamp = -1;
        std::int64_t max_timestamp_offset = -1;
    };
    // Forgets what lies at or behind the mark. `next_offset` is the offset the segment ends at. Blocks.
    Result<void> cut(Disk&, const Mark&, std::int64_t next_offset);

    // Makes the file so long, with zeros behind what is there; trim() ends that.
    Result<void> preallocate(std::uint64_t bytes);
    Result<void> trim();

    // Enough index entries are only in memory.
    bool wants_flush() const noexcept { return offsets_.wants_flush() || times_.wants_flush(); }
    // Writes them. Nothing is synced: until the segment is closed, recovery does not rely on them.
    Result<void> flush_indexes(Disk&);
    // Nothing more comes: the closing entry of the time index, and all entries into the files, which are made if need
    // be. Those that want a sync; if there are any, so does their directory.
    Result<std::vector<std::shared_ptr<File>>> close_indexes(Disk&);

    // The first batch that ends at or behind `offset`; the mark is at its begin, or at the end of the segment when
    // there is none. Blocks.
    struct Found {
        Mark mark;
        std::optional<protocol::RecordBatchHeader> header;
    };
    Result<Found> find(Disk&, std::int64_t offset) const;
    // The begin of a batch at or before the one that holds `offset`, near it, from what is in memory; nothing when only
    // the file knows.
    std::optional<std::uint64_t> recent_position(std::int64_t offset) const noexcept;
    // The last indexed begin of a batch at or before `position` that is in memory, or 0.
    std::uint64_t recent_boundary(std::uint64_t position) const noexcept;
    IndexSearch<OffsetIndexEntry> search_offsets(Disk& disk) const { return offsets_.search(disk); }
    IndexSearch<TimeIndexEntry> search_times(Disk& disk) const { return times_.search(disk); }

    // The index of aborted transactions; null while there is none. One that is added has its marker in here. Block.
    const std::shared_ptr<File>& aborted() const noexcept { return aborted_; }
    Result<void> add_aborted(Disk&, const TransactionIndexEntry&);
    Result<void> forget_aborted(Disk&);

private:
    void note(const protocol::RecordBatchHeader&);
    std::string transaction_index_path() const;
    void add_time();
    Result<Mark> mark_before(Disk&, std::int64_t offset) const;
    // Of a batch in here: such offsets fit.
    std::int32_t relative(std::int64_t offset) const noexcept {
        return static_cast<std::int32_t>(offset - base_offset_);
    }
    // Any offset may be asked for, and need not fit.
    auto ends_by(std::int64_t offset) const noexcept {
        return [base = base_offset_, offset](const auto& entry) { return base + entry.last_offset <= offset; };
    }

    std::shared_ptr<File> file_;
    std::int64_t base_offset_;
    std::int64_t next_offset_;
    std::uint64_t size_ = 0;
    std::int64_t max_timestamp_ = -1;
    std::int64_t max_timestamp_offset_ = -1;  // the last offset of the batch that has it, the first of equals
    std::optional<std::int64_t> first_timestamp_;
    std::optional<std::int64_t> began_ms_;
    std::uint32_t index_interval_bytes_;
    std::uint64_t bytes_since_entry_ = 0;
    bool preallocated_ = false;
    IndexFile<OffsetIndexEntry> offsets_;
    IndexFile<TimeIndexEntry> times_;
    std::shared_ptr<File> aborted_;
};

}  // namespace ottla::broker::log
