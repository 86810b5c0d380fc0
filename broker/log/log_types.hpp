// SPDX-License-Identifier: Apache-2.0
// The words of the log: positions, who appends, what comes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <ottla/protocol/chain.hpp>

namespace ottla::broker::log {

// An offset and where it lies: the file position of the batch that begins there, or of the end of the log.
struct LogPosition {
    std::int64_t offset = 0;
    std::int64_t segment_base = 0;
    std::uint64_t position = 0;

    friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

// Who brings the batches: a client's and a coordinator's get their offsets and leader epoch here, a replica's have
// them from the leader.
enum class Origin : std::uint8_t { client, replica, coordinator };

struct LogConfig {
    std::uint64_t segment_bytes = 1U << 30;
    // A segment takes no batch that is so much younger than its first one, less a part of the jitter that depends on
    // the segment: so that not all logs roll at once.
    std::int64_t segment_ms = 604'800'000;
    std::int64_t segment_jitter_ms = 0;
    std::uint32_t index_interval_bytes = 4096;
    // A new segment's file is as long at once, zeros behind the batches, until the segment ends.
    bool preallocate = false;
    // Of each index of a segment.
    std::uint32_t index_bytes_max = 10'485'760;
};

struct AppendOptions {
    Origin origin = Origin::client;
    std::int32_t leader_epoch = 0;  // stamped on what a client or coordinator brings
    // message.timestamp.type=LogAppendTime: every record takes this time (ms since 1970).
    std::optional<std::int64_t> log_append_time;
    std::int64_t now_ms = 0;  // since 1970; tells the age of segments whose records have no time
};

struct Appended {
    std::int64_t first_offset = 0;
    std::int64_t last_offset = 0;
    LogPosition begin;  // the log end before
    LogPosition end;    // and after
    // The batch came again and was not appended anew: it lies at these offsets, with this timestamp.
    std::optional<std::int64_t> repeated_timestamp;
};

struct AbortedTransaction {
    std::int64_t producer_id = -1;
    std::int64_t first_offset = 0;
    friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};

// Part of one segment: whole batches, but for the last when bytes_max fell into it.
struct LogSlice {
    protocol::FileRange range;  // length 0: nothing to read there (yet)
    // Those with records in it, when they were asked for: by their markers.
    std::vector<AbortedTransaction> aborted;
};

// How far a log may be compacted.
struct CompactionLimits {
    std::int64_t up_to = 0;                  // the last stable offset: no transaction that is open lies below it
    std::int64_t newer_than_ms = INT64_MAX;  // segments with a record newer than that stay as they are, and all behind
};

// The part of a log that was not compacted yet, and may be.
struct Dirtiness {
    std::int64_t first_dirty = 0;
    std::int64_t up_to = 0;  // the end of the last segment that may be compacted; at most first_dirty when none may
    std::uint64_t clean_bytes = 0;
    std::uint64_t dirty_bytes = 0;

    bool any() const noexcept { return dirty_bytes != 0; }
    double ratio() const noexcept {
        const auto all = static_cast<double>(clean_bytes + dirty_bytes);
        return any() ? static_cast<double>(dirty_bytes) / all : 0;
    }
};

// Which segments have had their time. Both count whole segments, the oldest first.
struct RetentionRules {
    std::optional<std::int64_t> expired_before_ms;  // those with no record from then on
    std::optional<std::uint64_t> bytes_max;         // those without which the log still has so many bytes
    std::int64_t high_watermark = 0;                // none that holds something at or behind it
};

struct TimestampOffset {
    std::int64_t timestamp = -1;
    std::int64_t offset = -1;
    std::int32_t leader_epoch = -1;
    friend bool operator==(const TimestampOffset&, const TimestampOffset&) = default;
};

}  // namespace ottla::broker::log
