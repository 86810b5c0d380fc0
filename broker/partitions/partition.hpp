// SPDX-License-Identifier: Apache-2.0
// Partition: a log with a leader's rules: who may append, how far whom may read, who waits for what. Belongs to one
// shard; everything in here runs on its thread and never waits: who must wait leaves a callback.
//
// Errors carry Kafka's codes and name topic and partition: not_leader_or_follower, fenced_leader_epoch,
// unknown_leader_epoch, offset_out_of_range, kafka_storage_error (the log directory is offline, or full), …
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ottla/function.hpp>
#include <ottla/protocol/record_batch.hpp>
#include <ottla/result.hpp>
#include "broker/log/log.hpp"
#include "broker/log/log_io.hpp"
#include "broker/server/partition_key.hpp"

namespace ottla::broker {

// How far a read may see.
enum class ReadUpTo : std::uint8_t { log_end, high_watermark, last_stable };

// What a partition takes from the topic's and the broker's configuration.
struct PartitionSettings {
    std::size_t max_message_bytes = 1'048'588;
    bool log_append_time = false;  // message.timestamp.type=LogAppendTime
    bool compacted = false;        // cleanup.policy holds compact: records need keys
    // So much may a record's create time lie behind and ahead of the broker's time.
    std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
    std::int64_t timestamp_after_max_ms = 3'600'000;
    // compression.type: what the log holds is compressed so; nothing: as it came.
    std::optional<protocol::CompressionType> compression;
    int compression_level = protocol::default_compression_level;
    bool deleted = true;                         // cleanup.policy holds delete: old records go
    std::int64_t retention_ms = 604'800'000;     // -1: without limit
    std::int64_t retention_bytes = -1;           // -1: without limit
    std::int64_t file_delete_delay_ms = 60'000;  // that files stay which nobody may begin to read any more
    // Under log.flush.policy=os: after so many records, and so long after the first, the log is synced all the same.
    std::int64_t flush_messages = std::numeric_limits<std::int64_t>::max();
    std::int64_t flush_ms = std::numeric_limits<std::int64_t>::max();
    double min_dirty_ratio = 0.5;
    std::int64_t delete_retention_ms = 86'400'000;
    std::int64_t min_compaction_lag_ms = 0;
    std::int64_t max_compaction_lag_ms = std::numeric_limits<std::int64_t>::max();
    log::LogConfig log;
};

class Partition final : public log::Syncable, public std::enable_shared_from_this<Partition> {
public:
    using WaitId = std::uint64_t;

    // `log` lies in the directory that `io` serves. Made as a follower that nobody leads; what the log holds and has
    // synced is below the high watermark.
    static std::shared_ptr<Partition> make(const PartitionKey& key, std::string topic, std::unique_ptr<log::Log> log,
                                           std::shared_ptr<log::LogIo> io, const PartitionSettings& settings);

    const PartitionKey& key() const noexcept { return key_; }
    const std::string& topic() const noexcept { return topic_; }
    std::int32_t number() const noexcept { return key_.partition; }
    const PartitionSettings& settings() const noexcept { return settings_; }
    void set_settings(const PartitionSettings&);

    // --- role, from the metadata ---
    // This broker leads in this epoch. An epoch that is not above the present one changes nothing.
    void lead(std::int32_t leader_epoch);
    // Another broker, or none, leads in this epoch. Who waits gets not_leader_or_follower.
    void follow(std::int32_t leader_epoch);
    // The partition goes away (deleted, moved, shut down): who waits gets `why`, and so does every later call.
    void close(const Error& why);
    bool is_leader() const noexcept { return role_ == Role::leader; }
    std::int32_t leader_epoch() const noexcept { return leader_epoch_; }
    // `current` is what the caller takes for the leader's epoch; -1: it does not say.
    Result<void> check_leader(std::int32_t current = -1) const;

    // --- writing ---
    // Whole, checked batches. In the page cache and in order when this returns; a sync is on its way. `leader_epoch`
    // must be the present one. A client brings one batch; it takes its time from `now_ms` under LogAppendTime, and is
    // not written again when it came before. Errors besides: those of ProducerStates::check(), for a client.
    Result<log::Appended> append(ByteSpan batches, log::Origin origin, std::int32_t leader_epoch, std::int64_t now_ms);
    // `done` is called once: when everything below `end_offset` is committed (at once if it is), or with the reason
    // why that will not be known here. Never called after cancel().
    WaitId wait_committed(std::int64_t end_offset, Function<void(const Result<void>&)> done);

    // Under log.flush.policy=os: a sync, if flush.ms have passed, or the first time after found_unsynced().
    void flush_if_due(std::int64_t now_ms);
    // What the start found may be in the page cache alone. There may be gigabytes of it: not at once, where the start
    // itself would wait for the disk.
    void found_unsynced() noexcept { found_unsynced_ = true; }

    const log::ProducerStates& producers() const noexcept { return log_->producers(); }
    // Forgets producers that wrote nothing since and have no open transaction.
    void expire_producers(std::int64_t older_than_ms) { log_->expire_producers(older_than_ms); }

    // --- the front of the log ---
    // The log starts at `offset` from now on, or at the high watermark (-1); where it starts then, which may be further
    // on already. offset_out_of_range above the high watermark.
    Result<std::int64_t> delete_records(std::int64_t offset);
    // Moves the start behind what has had its time. True when it moved.
    bool apply_retention(std::int64_t now_ms);
    // Gives up whole segments below `written_down`, the start that is on stable storage, at most so many.
    Result<log::Retired> retire_segments(std::int64_t written_down, std::size_t count_max);

    // --- compaction ---
    // What there is to do: nothing when the topic is not compacted, or not dirty enough.
    std::optional<log::Dirtiness> worth_compacting(std::int64_t now_ms);
    // A round begins; nothing when the partition is closed.
    std::optional<log::CompactionInput> begin_compaction(const log::Dirtiness&);
    // What place_cleaned() gave is read from now on.
    Result<void> replace_segments(const log::CleanedGroup&, std::unique_ptr<log::Segment>);
    // The round has ended, with success up to `clean_up_to`.
    void end_compaction(std::optional<std::int64_t> clean_up_to);
    std::int64_t clean_up_to() const noexcept { return clean_up_to_; }
    bool is_closed() const noexcept { return role_ == Role::closed; }

    // --- reading ---
    std::int64_t log_start_offset() const noexcept { return log_->start_offset(); }
    std::int64_t log_end_offset() const noexcept { return log_->end().offset; }
    std::int64_t high_watermark() const noexcept { return high_watermark_.offset; }
    // The begin of the oldest transaction that is open or not committed yet; the high watermark when there is none.
    std::int64_t last_stable_offset() const noexcept { return last_stable_.offset; }
    const log::LogPosition& end(ReadUpTo) const noexcept;
    // Up to the last stable offset, the plan tells of aborted transactions.
    Result<log::ReadPlan> plan_read(std::int64_t offset, std::size_t bytes_max, ReadUpTo, bool first_batch_whole) const;
    Result<log::TimePlan> plan_time(std::int64_t timestamp, ReadUpTo) const;
    Result<log::TimePlan> plan_max_timestamp(ReadUpTo) const;
    const log::LeaderEpochs& epochs() const noexcept { return log_->epochs(); }
    // `wake` is called once: when something can be read at `offset` (at once if it can), or the role changed, or
    // nothing can be read any more. Look again then. Never called after cancel().
    WaitId wait_readable(std::int64_t offset, ReadUpTo, Function<void()> wake);

    void cancel(WaitId);
    std::size_t waiters() const noexcept { return committed_waits_.size() + readable_waits_.size(); }

    log::LogIo& io() const noexcept { return *io_; }
    const log::Log& log() const noexcept { return *log_; }
    // For a stop in order, so that many logs are synced side by side: nothing follows, and the last sync is asked for.
    // Blocks, but not for the sync.
    Result<void> finish_log();
    // Everything is synced when it returns: blocks, unless finish_log() went before and its sync has ended.
    Result<void> sync_and_close();

    // --- log::Syncable ---
    log::SyncWork begin_sync() override;
    void end_sync(const log::SyncWork&, const Result<void>&) override;

private:
    enum class Role : std::uint8_t { none, follower, leader, closed };
    struct CommittedWait {
        WaitId id;
        std::int64_t end_offset;
        Function<void(const Result<void>&)> done;
    };
    struct ReadableWait {
        WaitId id;
        std::int64_t offset;
        ReadUpTo up_to;
        Function<void()> wake;
    };

    Partition(const PartitionKey& key, std::string topic, std::unique_ptr<log::Log> log, std::shared_ptr<log::LogIo> io,
              const PartitionSettings& settings);
    Error error(ErrorCode code, std::string_view what) const;
    Result<void> check_storage() const;
    Error storage_error(const Error&);
    Result<std::optional<log::Appended>> find_repeated(ByteSpan batch);
    void advance_high_watermark();
    // flush.messages records are not on stable storage.
    bool is_flush_due() const;
    void update_last_stable();
    void wake_committed();
    void wake_readers();
    void fail_waits(const Error&);
    void change_role(Role, std::int32_t leader_epoch);

    PartitionKey key_;
    std::string topic_;
    std::unique_ptr<log::Log> log_;
    std::shared_ptr<log::LogIo> io_;
    PartitionSettings settings_;
    Role role_ = Role::none;
    Error closed_because_;
    std::int32_t leader_epoch_ = -1;
    log::LogPosition high_watermark_;
    log::LogPosition last_stable_;
    std::int64_t clean_up_to_ = 0;
    std::optional<std::int64_t> unflushed_since_ms_;  // under log.flush.policy=os
    bool found_unsynced_ = false;
    bool awaits_flush_ = false;  // likewise: the high watermark waits for the sync
    WaitId last_wait_ = 0;
    std::deque<CommittedWait> committed_waits_;  // by end_offset
    std::vector<ReadableWait> readable_waits_;
};

}  // namespace ottla::broker
