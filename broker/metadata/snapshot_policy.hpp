// SPDX-License-Identifier: Apache-2.0
// When a snapshot of the metadata is due, and which older ones have had their time. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "broker/metadata/snapshot_file.hpp"

namespace ottla::broker {

struct SnapshotLimits {
    std::int64_t record_bytes_max = 20'971'520;  // metadata.log.max.record.bytes.between.snapshots
    std::int64_t interval_ms = 3'600'000;        // metadata.log.max.snapshot.interval.ms; 0: by bytes only
    std::int64_t retention_bytes = 104'857'600;  // metadata.max.retention.bytes; negative: no limit
    std::int64_t retention_ms = 604'800'000;     // metadata.max.retention.ms; negative: no limit
};

class SnapshotPolicy {
public:
    SnapshotPolicy(const SnapshotLimits& limits, base::TimePoint now) : limits_(limits), last_(now) {}

    // Bytes of the log that no snapshot has.
    void appended(std::uint64_t bytes) { bytes_ += bytes; }
    // The moment from which a snapshot is due; never while there is nothing new.
    base::TimePoint due() const {
        if (bytes_ == 0) return base::TimePoint::max();
        base::TimePoint at = base::TimePoint::max();
        if (bytes_ >= static_cast<std::uint64_t>(limits_.record_bytes_max)) {
            at = last_;
        } else if (limits_.interval_ms != 0) {
            constexpr std::int64_t century_ms = 3'153'600'000'000;  // more would not fit into a time point
            at = last_ + std::chrono::milliseconds(std::min(limits_.interval_ms, century_ms));
        }
        return std::max(at, not_before_);
    }
    // One was begun, with all bytes so far. What is appended meanwhile counts for the next.
    void begun() { begun_bytes_ = bytes_; }
    void taken(base::TimePoint now) {
        bytes_ -= begun_bytes_;
        last_ = now;
    }
    // It is tried again after a while.
    void failed(base::TimePoint now) { not_before_ = now + std::chrono::minutes(1); }

private:
    SnapshotLimits limits_;
    base::TimePoint last_;
    base::TimePoint not_before_ = base::TimePoint::min();
    std::uint64_t bytes_ = 0;
    std::uint64_t begun_bytes_ = 0;
};

// A snapshot on disk.
struct HeldSnapshot {
    SnapshotId id;
    std::uint64_t bytes = 0;
    std::int64_t last_contained_log_timestamp = 0;
};

// How many of the oldest snapshots go, as Kafka counts: while log and snapshots together have too many bytes, and
// those whose last record is too old. The latest always stays.
inline std::size_t expired_snapshots(const SnapshotLimits& limits, std::span<const HeldSnapshot> held,
                                     std::uint64_t log_bytes, std::int64_t now_ms) {
    std::uint64_t bytes = log_bytes;
    for (const auto& snapshot : held) bytes += snapshot.bytes;
    std::size_t count = 0;
    while (count + 1 < held.size()) {
        const auto& oldest = held[count];
        const bool too_much = limits.retention_bytes >= 0 && bytes > static_cast<std::uint64_t>(limits.retention_bytes);
        const bool too_old =
            limits.retention_ms >= 0 && now_ms - oldest.last_contained_log_timestamp > limits.retention_ms;
        if (!too_much && !too_old) break;
        bytes -= oldest.bytes;
        ++count;
    }
    return count;
}

}  // namespace ottla::broker
