// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/partition.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/assert.hpp"
#include "broker/log/compaction/compaction.hpp"

namespace ottla::broker {

using log::FlushPolicy;
using log::LogPosition;

std::shared_ptr<Partition> Partition::make(const PartitionKey& key, std::string topic, std::unique_ptr<log::Log> log,
                                           std::shared_ptr<log::LogIo> io, const PartitionSettings& settings) {
    return std::shared_ptr<Partition>(new Partition(key, std::move(topic), std::move(log), std::move(io), settings));
}

Partition::Partition(const PartitionKey& key, std::string topic, std::unique_ptr<log::Log> log,
                     std::shared_ptr<log::LogIo> io, const PartitionSettings& settings)
    : key_(key),
      topic_(std::move(topic)),
      log_(std::move(log)),
      io_(std::move(io)),
      settings_(settings),
      high_watermark_(io_->policy() == FlushPolicy::ack ? log_->synced() : log_->end()) {
    clean_up_to_ = io_->directory().checkpointed(log::Checkpoint::cleaned_offsets, {topic_, key_.partition});
    update_last_stable();
}

void Partition::set_settings(const PartitionSettings& settings) {
    settings_ = settings;
    log_->set_config(settings.log);
}

Error Partition::error(ErrorCode code, std::string_view what) const {
    return Error::of(code, fmt::format("{}-{}: {}", topic_, key_.partition, what));
}

// --- role ---

void Partition::lead(std::int32_t leader_epoch) {
    if (role_ == Role::closed || leader_epoch <= leader_epoch_) return;
    change_role(Role::leader, leader_epoch);
    log_->begin_epoch(leader_epoch);
    advance_high_watermark();
}

void Partition::follow(std::int32_t leader_epoch) {
    if (role_ == Role::closed || leader_epoch <= leader_epoch_) return;
    change_role(Role::follower, leader_epoch);
}

void Partition::change_role(Role role, std::int32_t leader_epoch) {
    role_ = role;
    leader_epoch_ = leader_epoch;
    // What was appended before may yet be committed, but nobody here will know.
    fail_waits(error(ErrorCode::not_leader_or_follower, "the leader has changed"));
}

void Partition::close(const Error& why) {
    if (role_ == Role::closed) return;
    role_ = Role::closed;
    closed_because_ = why;
    fail_waits(why);
}

Result<void> Partition::check_leader(std::int32_t current) const {
    if (role_ == Role::closed) return closed_because_;
    if (current >= 0 && current < leader_epoch_) {
        return error(ErrorCode::fenced_leader_epoch,
                     fmt::format("the leader epoch is {}, not {}", leader_epoch_, current));
    }
    if (current > leader_epoch_) {
        return error(ErrorCode::unknown_leader_epoch,
                     fmt::format("the leader epoch is {}, {} is not known here yet", leader_epoch_, current));
    }
    if (role_ != Role::leader) return error(ErrorCode::not_leader_or_follower, "this broker does not lead");
    return check_storage();
}

Result<void> Partition::check_storage() const {
    if (!io_->directory().offline()) return ok();
    return error(ErrorCode::kafka_storage_error,
                 fmt::format("the log directory '{}' is offline", io_->directory().path()));
}

// A failure of the disk in Kafka's words. All but a lack of space makes the directory untrustworthy; damaged bytes are
// only this log's trouble.
Error Partition::storage_error(const Error& reason) {
    if (reason == ErrorCode::file_system) {
        io_->directory().take_offline(reason);
        const Error failed = error(ErrorCode::kafka_storage_error, reason.text());
        fail_waits(failed);
        return failed;
    }
    if (reason == ErrorCode::corrupt_storage) io_->directory().report_damage(reason);
    if (reason == ErrorCode::corrupt_storage || reason == ErrorCode::storage_full)
        return error(ErrorCode::kafka_storage_error, reason.text());
    return error(reason.code(), reason.text());
}

// --- writing ---

Result<log::Appended> Partition::append(ByteSpan batches, log::Origin origin, std::int32_t leader_epoch,
                                        std::int64_t now_ms) {
    if (origin != log::Origin::replica) {
        if (auto leading = check_leader(leader_epoch); !leading) return leading.error();
    } else if (auto stored = check_storage(); !stored) {
        return stored.error();
    }
    if (origin == log::Origin::client) {
        const auto repeated = find_repeated(batches);
        if (!repeated) return repeated.error();
        if (*repeated) return **repeated;
    }
    log::AppendOptions options{origin, leader_epoch_, std::nullopt, now_ms};
    if (origin == log::Origin::client && settings_.log_append_time) options.log_append_time = now_ms;
    const std::size_t segments = log_->segment_count();
    auto appended = log_->append(batches, options);
    auto& counts = io_->directory().counts();
    if (!appended) {
        if (appended.error() == ErrorCode::storage_full) counts.appends_without_room.add();
        return storage_error(appended.error());
    }
    counts.appends.add();
    counts.records_appended.add(static_cast<std::uint64_t>(appended->last_offset - appended->first_offset + 1));
    counts.bytes_appended.add(batches.size());
    counts.segments_begun.add(log_->segment_count() - segments);
    if (io_->policy() == FlushPolicy::ack) {
        io_->sync_soon(shared_from_this());
    } else {
        if (!unflushed_since_ms_) unflushed_since_ms_ = now_ms;
        awaits_flush_ = is_flush_due();
        advance_high_watermark();
        // As Kafka does: a segment that is full is synced in the background.
        if (awaits_flush_ || log_->segment_count() != segments) io_->sync_soon(shared_from_this());
    }
    return appended;
}

// What is known of a client's batch that lies in the log already; nothing when it may be appended.
Result<std::optional<log::Appended>> Partition::find_repeated(ByteSpan bytes) {
    const auto batch = protocol::RecordBatchView::parse(bytes);
    if (!batch) return batch.error();
    const auto checked = log_->producers().check(batch->header());
    if (!checked) return error(checked.error().code(), checked.error().text());
    if (!*checked) return std::optional<log::Appended>();
    const log::RecentBatch& known = **checked;
    io_->directory().counts().batches_repeated.add();
    log::Appended there;
    there.first_offset = known.first_offset;
    there.last_offset = known.last_offset;
    there.begin = there.end = log_->end();
    there.repeated_timestamp = known.timestamp;
    return std::optional(there);
}

Partition::WaitId Partition::wait_committed(std::int64_t end_offset, Function<void(const Result<void>&)> done) {
    if (role_ == Role::closed) {
        done(closed_because_);
        return 0;
    }
    if (high_watermark_.offset >= end_offset) {
        done(ok());
        return 0;
    }
    const auto at = std::upper_bound(committed_waits_.begin(), committed_waits_.end(), end_offset,
                                     [](std::int64_t end, const auto& wait) { return end < wait.end_offset; });
    committed_waits_.insert(at, CommittedWait{++last_wait_, end_offset, std::move(done)});
    const WaitId id = last_wait_;
    io_->sync_now(shared_from_this());
    return id;
}

bool Partition::is_flush_due() const { return log_->end().offset - log_->synced().offset >= settings_.flush_messages; }

void Partition::advance_high_watermark() {
    const LogPosition& safe = io_->policy() == FlushPolicy::ack || awaits_flush_ ? log_->synced() : log_->end();
    if (safe == high_watermark_ || (awaits_flush_ && safe.offset < high_watermark_.offset)) return;
    OTTLA_ASSERT(safe.offset >= high_watermark_.offset);
    high_watermark_ = safe;
    update_last_stable();
    wake_committed();
    wake_readers();
}

void Partition::update_last_stable() {
    auto unstable = log_->producers().first_unstable_offset(high_watermark_.offset);
    log_->committed_up_to(high_watermark_.offset);
    if (unstable) unstable = std::max(*unstable, log_->start_offset());
    if (!unstable || *unstable >= high_watermark_.offset) {
        last_stable_ = high_watermark_;
    } else if (last_stable_.offset != *unstable) {
        const auto position = log_->position_of(*unstable);
        // Where it stays, nothing is shown too early.
        if (position)
            last_stable_ = {*unstable, position->segment_base, position->position};
        else
            static_cast<void>(storage_error(position.error()));
    }
}

void Partition::wake_committed() {
    while (!committed_waits_.empty() && committed_waits_.front().end_offset <= high_watermark_.offset) {
        auto done = std::move(committed_waits_.front().done);
        committed_waits_.pop_front();
        done(ok());
    }
}

void Partition::flush_if_due(std::int64_t now_ms) {
    const bool is_due = unflushed_since_ms_ && now_ms - *unflushed_since_ms_ >= settings_.flush_ms;
    if (role_ == Role::closed || !(is_due || std::exchange(found_unsynced_, false))) return;
    io_->sync_soon(shared_from_this());
}

// --- the front of the log ---

Result<std::int64_t> Partition::delete_records(std::int64_t offset) {
    if (auto leading = check_leader(); !leading) return leading.error();
    if (offset == -1) offset = high_watermark_.offset;
    if (offset < 0 || offset > high_watermark_.offset) {
        return error(ErrorCode::offset_out_of_range,
                     fmt::format("records before {} cannot be deleted, the high watermark is {}", offset,
                                 high_watermark_.offset));
    }
    log_->advance_start(offset);
    io_->directory().counts().record_deletions.add();
    update_last_stable();
    return log_->start_offset();
}

bool Partition::apply_retention(std::int64_t now_ms) {
    if (role_ == Role::closed || io_->directory().offline()) return false;
    log::RetentionRules rules;
    rules.high_watermark = high_watermark_.offset;
    if (settings_.deleted && settings_.retention_ms >= 0) rules.expired_before_ms = now_ms - settings_.retention_ms;
    if (settings_.deleted && settings_.retention_bytes >= 0)
        rules.bytes_max = static_cast<std::uint64_t>(settings_.retention_bytes);
    const std::int64_t before = log_->start_offset();
    log_->advance_start(log_->start_by(rules));
    if (log_->start_offset() == before) return false;
    update_last_stable();
    return true;
}

Result<log::Retired> Partition::retire_segments(std::int64_t written_down, std::size_t count_max) {
    if (role_ == Role::closed || io_->directory().offline()) return log::Retired{};
    auto retired = log_->retire(written_down, count_max);
    if (!retired) return storage_error(retired.error());
    io_->directory().counts().segments_retired.add(retired->segments);
    io_->directory().counts().bytes_retired.add(retired->bytes);
    if (!retired->empty()) io_->sync_soon(shared_from_this());
    return retired;
}

// --- compaction ---

std::optional<log::Dirtiness> Partition::worth_compacting(std::int64_t now_ms) {
    if (!settings_.compacted || role_ == Role::closed || io_->directory().offline()) return std::nullopt;
    log::CompactionLimits limits;
    limits.up_to = last_stable_.offset;
    if (settings_.min_compaction_lag_ms > 0) limits.newer_than_ms = now_ms - settings_.min_compaction_lag_ms;
    const auto dirt = log_->dirtiness(clean_up_to_, limits);
    if (!dirt.any()) return std::nullopt;
    if (dirt.ratio() > settings_.min_dirty_ratio) return dirt;
    if (settings_.max_compaction_lag_ms >= now_ms) return std::nullopt;
    const auto since = log_->dirty_since(dirt);
    if (!since || !*since || **since > now_ms - settings_.max_compaction_lag_ms) return std::nullopt;
    return dirt;
}

std::optional<log::CompactionInput> Partition::begin_compaction(const log::Dirtiness& dirt) {
    if (role_ == Role::closed) return std::nullopt;
    return log_->begin_compaction(dirt);
}

Result<void> Partition::replace_segments(const log::CleanedGroup& group, std::unique_ptr<log::Segment> cleaned) {
    if (role_ == Role::closed) return closed_because_;
    log_->replace(group, std::move(cleaned));
    io_->sync_soon(shared_from_this());
    return ok();
}

void Partition::end_compaction(std::optional<std::int64_t> clean_up_to) {
    log_->end_compaction();
    if (clean_up_to) clean_up_to_ = *clean_up_to;
}

// --- reading ---

const LogPosition& Partition::end(ReadUpTo up_to) const noexcept {
    switch (up_to) {
        case ReadUpTo::log_end: return log_->end();
        case ReadUpTo::high_watermark: return high_watermark_;
        case ReadUpTo::last_stable: break;
    }
    return last_stable_;
}

Result<log::ReadPlan> Partition::plan_read(std::int64_t offset, std::size_t bytes_max, ReadUpTo up_to,
                                           bool first_batch_whole) const {
    if (auto stored = check_storage(); !stored) return stored.error();
    // Between the end that may be seen and the log's there is nothing yet, which is no error.
    const bool with_aborted = up_to == ReadUpTo::last_stable;
    auto plan = log_->plan_read(offset, bytes_max, end(up_to), first_batch_whole, with_aborted);
    if (!plan) return error(plan.error().code(), plan.error().text());
    return plan;
}

Result<log::TimePlan> Partition::plan_time(std::int64_t timestamp, ReadUpTo up_to) const {
    if (auto stored = check_storage(); !stored) return stored.error();
    return log_->plan_time(timestamp, end(up_to));
}

Result<log::TimePlan> Partition::plan_max_timestamp(ReadUpTo up_to) const {
    if (auto stored = check_storage(); !stored) return stored.error();
    return log_->plan_max_timestamp(end(up_to));
}

Partition::WaitId Partition::wait_readable(std::int64_t offset, ReadUpTo up_to, Function<void()> wake) {
    if (role_ == Role::closed || offset < end(up_to).offset) {
        wake();
        return 0;
    }
    readable_waits_.push_back(ReadableWait{++last_wait_, offset, up_to, std::move(wake)});
    return last_wait_;
}

void Partition::wake_readers() {
    if (readable_waits_.empty()) return;
    const auto ready = std::stable_partition(readable_waits_.begin(), readable_waits_.end(), [this](const auto& wait) {
        return wait.offset >= end(wait.up_to).offset;
    });
    // They may come back at once: they are taken out first.
    std::vector<ReadableWait> woken(std::make_move_iterator(ready), std::make_move_iterator(readable_waits_.end()));
    readable_waits_.erase(ready, readable_waits_.end());
    for (auto& wait : woken) wait.wake();
}

// --- waits ---

void Partition::cancel(WaitId id) {
    if (id == 0) return;
    std::erase_if(committed_waits_, [id](const auto& wait) { return wait.id == id; });
    std::erase_if(readable_waits_, [id](const auto& wait) { return wait.id == id; });
}

void Partition::fail_waits(const Error& why) {
    auto committed = std::exchange(committed_waits_, {});
    auto readable = std::exchange(readable_waits_, {});
    for (auto& wait : committed) wait.done(why);
    for (auto& wait : readable) wait.wake();
}

// --- syncing ---

log::SyncWork Partition::begin_sync() {
    if (role_ == Role::closed) return {};
    unflushed_since_ms_.reset();
    return log_->prepare_sync();
}

void Partition::end_sync(const log::SyncWork& work, const Result<void>& done) {
    if (role_ == Role::closed) return;
    if (!done) {
        fail_waits(error(ErrorCode::kafka_storage_error, done.error().text()));
        return;
    }
    log_->synced(work);
    awaits_flush_ = awaits_flush_ && is_flush_due();
    advance_high_watermark();
    // Someone waits for what was appended after the group had begun.
    if (!committed_waits_.empty() && committed_waits_.front().end_offset <= log_->end().offset) {
        io_->sync_now(shared_from_this());
    }
}

Result<void> Partition::finish_log() {
    auto done = check_storage();
    if (done) done = log_->finish();
    if (done) {
        io_->sync_now(shared_from_this());
    } else {
        io_->directory().take_offline(done.error());
    }
    return done;
}

Result<void> Partition::sync_and_close() {
    auto done = check_storage();
    if (done) done = log_->close();
    // A full disk is no broken one: only the next start will have to look.
    if (!done && done.error() != ErrorCode::storage_full) io_->directory().take_offline(done.error());
    close(Error::of(ErrorCode::not_leader_or_follower, fmt::format("{}-{} is closed", topic_, key_.partition)));
    return done;
}

}  // namespace ottla::broker
