// SPDX-License-Identifier: Apache-2.0
// Segment: one `.log` file of a partition, batches back to back, with a sparse index in memory from offsets and
// timestamps to file positions. Written by the log's owner only; what a reader needs is taken out as a plan that
// runs on any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ottla/protocol/record_batch.hpp>
#include "broker/log/disk.hpp"
#include "broker/log/log_types.hpp"

namespace ottla::broker::log {

// "00000000000000000042.log"
std::string segment_name(std::int64_t base_offset, std::string_view suffix = ".log");
// The base offset in the name of a `.log` file; nothing for other names.
std::optional<std::int64_t> parse_segment_name(std::string_view name);

class Segment {
public:
    Segment(std::shared_ptr<File> file, std::int64_t base_offset, std::uint32_t index_interval_bytes)
        : file_(std::move(file)),
          base_offset_(base_offset),
          next_offset_(base_offset),
          index_interval_bytes_(index_interval_bytes) {}

    const std::shared_ptr<File>& file() const noexcept { return file_; }
    std::int64_t base_offset() const noexcept { return base_offset_; }
    std::int64_t next_offset() const noexcept { return next_offset_; }
    std::uint64_t size() const noexcept { return size_; }
    std::int64_t max_timestamp() const noexcept { return max_timestamp_; }
    LogPosition end() const noexcept { return {next_offset_, base_offset_, size_}; }
    // The batch fits behind what is there: in bytes, in 31 bits of position and in 31 bits of relative offset. An
    // empty segment takes any.
    bool takes(const protocol::RecordBatchHeader&, std::uint64_t bytes_max) const noexcept;

    // A batch was written, or found, at size().
    void add(const protocol::RecordBatchHeader&);
    // Forgets what lies at or behind `position`, a batch's begin. `next_offset` is the offset the segment ends at
    // and `max_timestamp` the largest of what stays.
    void cut(std::uint64_t position, std::int64_t next_offset, std::int64_t max_timestamp);

    // The begin of a batch at or before the one that holds `offset`, near it, and the largest timestamp before it.
    struct Mark {
        std::uint64_t position = 0;
        std::int64_t max_timestamp = -1;
    };
    Mark mark_before(std::int64_t offset) const noexcept;
    // The last indexed begin of a batch at or before `position`, or 0.
    std::uint64_t boundary_before(std::uint64_t position) const noexcept;
    // A position at or before the first batch with a timestamp of at least `timestamp`.
    std::uint64_t position_before_time(std::int64_t timestamp) const noexcept;

private:
    struct Entry {
        std::int32_t offset;  // of the batch at `position`, relative to the base
        std::uint32_t position;
        std::int64_t max_timestamp;  // of all batches before this one
    };

    std::shared_ptr<File> file_;
    std::int64_t base_offset_;
    std::int64_t next_offset_;
    std::uint64_t size_ = 0;
    std::int64_t max_timestamp_ = -1;
    std::uint32_t index_interval_bytes_;
    std::uint64_t bytes_since_entry_ = 0;
    std::vector<Entry> index_;
};

}  // namespace ottla::broker::log
