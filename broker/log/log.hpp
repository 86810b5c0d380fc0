// SPDX-License-Identifier: Apache-2.0
// Log: one partition's directory of segments in Kafka's format. It decides nothing about who may write or see what.
// One owner; plain and blocking where it touches the disk: appends go to the page cache, syncs are handed out as
// SyncWork and searches as plans, both to be run where blocking does no harm.
//
// Errors: storage_full (the append is undone, the log goes on), file_system (what was written is unknown: take the
// directory offline), corrupt_message, offset_out_of_range, record_list_too_large.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ottla/protocol/record_batch.hpp>
#include <ottla/result.hpp>
#include <ottla/uuid.hpp>
#include "base/log.hpp"
#include "broker/log/disk.hpp"
#include "broker/log/leader_epochs.hpp"
#include "broker/log/log_types.hpp"
#include "broker/log/producer_states.hpp"
#include "broker/log/read_plan.hpp"
#include "broker/log/retired.hpp"
#include "broker/log/segment.hpp"
#include "broker/log/sync_work.hpp"

namespace ottla::broker::log {

struct CleanedGroup;
struct CompactionInput;
struct StorageCounts;

class Log {
public:
    struct OpenOptions {
        // The directory was closed in order: batches are not checked, only their headers walked.
        bool clean = false;
        // After an unclean stop, segments that end at or below it are not checked either.
        std::int64_t recovery_point = 0;
        // What lies below it does not count, wherever the first segment begins.
        std::int64_t start_offset = 0;
        // Compaction has left gaps between segments up to here.
        std::int64_t clean_up_to = 0;
        // What stays need not be synced: prepare_sync() has it then, for the caller to sync with other logs. Until it
        // has, nothing counts as synced.
        bool sync_later = false;
        base::Log messages;
        StorageCounts* counts = nullptr;  // of what recovery does
    };

    // A new empty log with partition.metadata; the directory must not hold a log. Nothing of it is synced yet.
    static Result<std::unique_ptr<Log>> create(Disk&, std::string directory, const LogConfig&, const Uuid& topic_id,
                                               std::int64_t start_offset = 0);
    // An existing directory. Walks all batches; cuts at the first that is torn or bad, removes what follows, and
    // leaves everything that stays synced.
    static Result<std::unique_ptr<Log>> open(Disk&, std::string directory, const LogConfig&, const OpenOptions&);

    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    const std::string& directory() const noexcept { return directory_; }
    std::int64_t start_offset() const noexcept { return start_offset_; }
    const LogPosition& end() const noexcept { return end_; }
    // Everything before it is on stable storage.
    const LogPosition& synced() const noexcept { return synced_; }
    // Below it a start after a kill need not look: what is known from there is on stable storage, too.
    std::int64_t recovery_point() const noexcept { return recovery_point_; }
    std::uint64_t bytes() const noexcept;
    std::size_t segment_count() const noexcept { return segments_.size(); }
    const LeaderEpochs& epochs() const noexcept { return epochs_; }
    const ProducerStates& producers() const noexcept { return producers_; }
    const LogConfig& config() const noexcept { return config_; }
    void set_config(const LogConfig& config) { config_ = config; }

    // Whole batches back to back, each at most segment_bytes. They reach the page cache together or not at all;
    // `batches` is not changed: what the broker writes into headers goes into copies of them.
    Result<Appended> append(ByteSpan batches, const AppendOptions&);
    // A leader begins at the log's end, by the word of the metadata: no batch can be of a later epoch.
    void begin_epoch(std::int32_t leader_epoch);
    // What lies at or behind `offset` goes. In the middle of a batch, the batch goes.
    Result<void> truncate_to(std::int64_t offset);

    // Where the log would start if what has had its time were gone. Looks only.
    std::int64_t start_by(const RetentionRules&) const;
    // The log starts there now, which is between its start and its end; nothing below is read any more. The files stay
    // until retire(). A power cut brings the old start back unless the new one is written down elsewhere and handed to
    // open().
    void advance_start(std::int64_t offset);
    // Gives up the segments that end at or below both the start and `written_down`, the start that survives a power
    // cut, at most so many; their files are called `.deleted` now.
    Result<Retired> retire(std::int64_t written_down, std::size_t count_max);

    // What compaction finds to do. `checkpoint`: the dirty part began there when it was last written down.
    Dirtiness dirtiness(std::int64_t checkpoint, const CompactionLimits&) const;
    // The earliest time of a first batch in the dirty segments; none when those have no times. Blocks where a segment
    // was opened by its indexes.
    Result<std::optional<std::int64_t>> dirty_since(const Dirtiness&) const;
    // For a round over the log. Until end_compaction() nothing of it is retired, or cut.
    CompactionInput begin_compaction(const Dirtiness&);
    // From here on the group, as place_cleaned() gave it, is read instead of what it replaces.
    void replace(const CleanedGroup&, std::unique_ptr<Segment>);
    void end_compaction() noexcept { compacted_below_.reset(); }

    // Between start and end inclusive, else offset_out_of_range. Sees nothing at or behind `up_to`.
    Result<ReadPlan> plan_read(std::int64_t offset, std::size_t bytes_max, const LogPosition& up_to,
                               bool first_batch_whole = true, bool with_aborted = false) const;
    TimePlan plan_time(std::int64_t timestamp, const LogPosition& up_to) const;
    // For the record with the largest timestamp (the first such).
    TimePlan plan_max_timestamp(const LogPosition& up_to) const;

    // Of the first batch that ends at or behind `offset`, which lies between start and end. Reads headers, which blocks
    // unless they are in the page cache.
    Result<LogPosition> position_of(std::int64_t offset) const;
    // Everything below it is replicated: transactions whose markers lie there need not be remembered.
    void committed_up_to(std::int64_t high_watermark) { producers_.committed_up_to(high_watermark); }

    // Forgets producers whose last batch is older, by its own time, but for those with an open transaction.
    void expire_producers(std::int64_t older_than_ms) { producers_.expire(older_than_ms); }

    // Everything that is not on stable storage; synced(work) after it went well.
    SyncWork prepare_sync();
    // It lies on another file system than its log directory: a sync of that one is none of this log.
    void set_apart(bool apart) noexcept { is_apart_ = apart; }
    void synced(const SyncWork&);
    // The three together. Blocks.
    Result<void> sync();
    // For a stop in order: the indexes are whole, and nothing may be appended any more. Blocks, but syncs nothing.
    Result<void> finish();
    // finish(), and everything is synced. Blocks.
    Result<void> close();

private:
    Log(Disk&, std::string directory, const LogConfig&);

    friend class LogRecovery;
    struct Prepared;
    using Batches = std::vector<Prepared>;
    Result<Batches> prepare(ByteSpan batches, const AppendOptions&) const;
    Result<void> write(std::span<const Prepared>);
    Result<void> roll();
    Result<void> end_segment();
    Result<void> close_indexes();
    static Result<void> unless_full(Result<void>);
    // A batch that stands in the log now; `payload` is looked at only in a marker. A transaction that it aborts goes
    // into the index of `index_into`, if there is one.
    Result<void> note_producer(const protocol::RecordBatchHeader&, ByteSpan payload, Segment* index_into);
    Result<void> write_producer_snapshot(std::int64_t offset);
    Result<bool> read_producer_snapshot(std::int64_t offset);
    Result<std::int64_t> load_producer_snapshot(std::int64_t offset);
    Result<void> pass_producer_snapshot(std::int64_t offset);
    Result<void> settle_snapshots(std::int64_t unsafe_from);
    // From the latest snapshot and the batches behind it. The segments with these base offsets, in order, get new
    // indexes of aborted transactions.
    Result<void> rebuild_producers(const std::vector<std::int64_t>& index_anew);
    Result<void> cut_producers();
    std::int64_t roll_jitter() const noexcept;
    Result<std::int64_t> latest_for_active(const Prepared& first, std::int64_t now_ms);
    Result<std::size_t> count_for_active(std::span<const Prepared>, std::int64_t now_ms);
    Error undo(const LogPosition& before, std::size_t segments_before, const Error& reason);
    Result<void> remove_segments_from(std::size_t first);
    Result<void> restart_at(std::int64_t offset);
    Segment& active() noexcept { return *segments_.back(); }
    // The first segment that ends behind `offset`; segment_count() when none does.
    std::size_t segment_with(std::int64_t offset) const noexcept;
    void cut_synced() noexcept;
    void mark_dirty(const std::shared_ptr<File>&);
    void unmark_dirty(const Segment&);  // which goes away

    Disk& disk_;
    std::string directory_;
    LogConfig config_;
    std::int64_t start_offset_ = 0;
    std::int64_t known_from_ = 0;  // what lies behind was written, or checked, by this process
    LogPosition end_;
    LogPosition synced_;
    std::int64_t recovery_point_ = 0;
    std::vector<std::unique_ptr<Segment>> segments_;  // never empty once made
    LeaderEpochs epochs_;
    ProducerStates producers_;
    std::int64_t snapshot_at_ = -1;  // where the latest snapshot of them stands

    std::optional<std::int64_t> compacted_below_;  // while a round goes on
    // What is not on stable storage.
    std::vector<std::shared_ptr<File>> dirty_;
    bool names_dirty_ = false;
    bool parent_dirty_ = false;
    bool epochs_dirty_ = false;
    bool is_apart_ = false;
    bool finished_ = false;
    // Where the log was cut after the last prepare_sync(): what was written there since is not what that synced.
    std::optional<LogPosition> cut_since_prepare_;
};

}  // namespace ottla::broker::log
