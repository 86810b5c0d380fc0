// SPDX-License-Identifier: Apache-2.0
// StorageCounts: what was done in a log directory since the broker started, for metrics. Whoever does it counts it;
// anyone may read at any time.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace ottla::broker::log {

class Count {
public:
    void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
    std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct StorageCounts {
    // Appending. A line of its own in the caches, since every shard writes here.
    alignas(64) Count appends;
    Count records_appended;
    Count bytes_appended;
    Count batches_rewritten;     // stored otherwise than they came: another codec, a time put right
    Count batches_repeated;      // came again, and were there already
    Count appends_refused;       // by the topic's rules
    Count appends_without_room;  // a full disk
    Count segments_begun;
    // Syncing.
    alignas(64) Count syncs;  // of groups
    Count logs_synced;        // in them
    Count syncs_together;     // groups that were synced with their file system
    Count sync_micros;        // all of them one after the other
    Count checkpoints_written;
    // Opening, and what recovery did.
    alignas(64) Count logs_opened;
    Count logs_not_opened;
    Count bytes_checked;
    Count bytes_cut;
    Count segments_indexed_anew;
    Count swaps_finished;
    // Reading what this process has not written, or no longer has in memory.
    Count checked_reads;
    Count bytes_read_checked;
    Count damaged_places;
    // The front of the logs.
    Count segments_retired;
    Count bytes_retired;
    Count record_deletions;  // DeleteRecords that moved a start
    Count times_offline;

    // Each of them with its name.
    template <class Visit>
    void visit(Visit&& each) const {
        each(std::string_view("appends"), appends.value());
        each(std::string_view("records_appended"), records_appended.value());
        each(std::string_view("bytes_appended"), bytes_appended.value());
        each(std::string_view("batches_rewritten"), batches_rewritten.value());
        each(std::string_view("batches_repeated"), batches_repeated.value());
        each(std::string_view("appends_refused"), appends_refused.value());
        each(std::string_view("appends_without_room"), appends_without_room.value());
        each(std::string_view("segments_begun"), segments_begun.value());
        each(std::string_view("syncs"), syncs.value());
        each(std::string_view("logs_synced"), logs_synced.value());
        each(std::string_view("syncs_together"), syncs_together.value());
        each(std::string_view("sync_micros"), sync_micros.value());
        each(std::string_view("checkpoints_written"), checkpoints_written.value());
        each(std::string_view("logs_opened"), logs_opened.value());
        each(std::string_view("logs_not_opened"), logs_not_opened.value());
        each(std::string_view("bytes_checked"), bytes_checked.value());
        each(std::string_view("bytes_cut"), bytes_cut.value());
        each(std::string_view("segments_indexed_anew"), segments_indexed_anew.value());
        each(std::string_view("swaps_finished"), swaps_finished.value());
        each(std::string_view("checked_reads"), checked_reads.value());
        each(std::string_view("bytes_read_checked"), bytes_read_checked.value());
        each(std::string_view("damaged_places"), damaged_places.value());
        each(std::string_view("segments_retired"), segments_retired.value());
        each(std::string_view("bytes_retired"), bytes_retired.value());
        each(std::string_view("record_deletions"), record_deletions.value());
        each(std::string_view("times_offline"), times_offline.value());
    }
};

}  // namespace ottla::broker::log
