// SPDX-License-Identifier: Apache-2.0
#include "broker/log/log.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/assert.hpp"
#include "broker/log/directory_files.hpp"
#include "broker/log/segment_files.hpp"

namespace ottla::broker::log {
namespace {

// Beyond this it does not matter any more how far behind the end something lies.
constexpr std::uint64_t far_behind_bytes = 1U << 30;

std::uint64_t limit_in(const Segment& segment, const LogPosition& up_to) {
    if (segment.base_offset() < up_to.segment_base) return segment.size();
    return segment.base_offset() == up_to.segment_base ? up_to.position : 0;
}

}  // namespace

Log::Log(Disk& disk, std::string directory, const LogConfig& config)
    : disk_(disk),
      directory_(std::move(directory)),
      config_(config) {}

Result<std::unique_ptr<Log>> Log::create(Disk& disk, std::string directory, const LogConfig& config,
                                         const Uuid& topic_id, std::int64_t start_offset) {
    std::unique_ptr<Log> log(new Log(disk, std::move(directory), config));
    if (auto made = disk.make_directory(log->directory_); !made) return made.error();
    auto about = disk.create(join_path(log->directory_, partition_metadata_name));
    if (!about) return about.error();
    if (auto written = (*about)->write_at(0, as_bytes(partition_metadata_text(topic_id))); !written) {
        return written.error();
    }
    log->mark_dirty(*about);
    log->parent_dirty_ = true;
    if (auto begun = log->restart_at(start_offset); !begun) return begun.error();
    log->synced_ = log->end_;  // of records there are none
    log->recovery_point_ = start_offset;
    return log;
}

std::uint64_t Log::bytes() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& segment : segments_) sum += segment->size();
    return sum;
}

void Log::begin_epoch(std::int32_t leader_epoch) {
    if (epochs_.begin(leader_epoch, end_.offset)) epochs_dirty_ = true;
}

// --- cutting ---

Result<void> Log::truncate_to(std::int64_t offset) {
    if (offset >= end_.offset) return ok();
    OTTLA_ASSERT(!compacted_below_ || offset >= *compacted_below_);
    if (offset < segments_.front()->base_offset()) return restart_at(offset);
    std::size_t index = segment_with(offset);
    // An offset in a gap between two segments: the later one goes whole.
    if (segments_[index]->base_offset() > offset) --index;
    if (index + 1 < segments_.size()) {
        // For good, before the cut: a power cut in between must not leave a gap with records behind it.
        if (auto removed = remove_segments_from(index + 1); !removed) return removed;
        if (auto synced = disk_.sync_directory(directory_); !synced) return synced;
    }

    Segment& segment = active();
    const auto found = segment.find(disk_, offset);
    if (!found) return found.error();
    if (found->header) {
        if (auto cut = segment.file()->truncate(found->mark.position); !cut) return cut;
        auto forgotten = segment.cut(disk_, found->mark, std::min(offset, found->header->base_offset));
        if (!forgotten) return forgotten;
    }
    mark_dirty(segment.file());
    end_ = segment.end();
    if (epochs_.truncate_end(end_.offset)) epochs_dirty_ = true;
    start_offset_ = std::min(start_offset_, end_.offset);
    cut_synced();
    return cut_producers();
}

// Everything goes; the next record gets `offset`.
Result<void> Log::restart_at(std::int64_t offset) {
    if (auto removed = remove_segments_from(0); !removed) return removed;
    end_ = {offset, offset, 0};
    start_offset_ = known_from_ = offset;
    if (epochs_.truncate_end(offset)) epochs_dirty_ = true;
    cut_synced();
    producers_ = {};
    snapshot_at_ = -1;
    if (auto removed = remove_snapshots_above(disk_, directory_, -1); !removed) return removed;
    return roll();
}

Result<void> Log::remove_segments_from(std::size_t first) {
    while (segments_.size() > first) {
        const auto& segment = segments_.back();
        names_dirty_ = true;
        unmark_dirty(*segment);
        if (auto removed = remove_segment_files(disk_, directory_, segment->base_offset()); !removed) return removed;
        segments_.pop_back();
    }
    return ok();
}

Result<void> Log::roll() {
    if (!segments_.empty()) {
        if (auto ended = end_segment(); !ended) return ended;
    }
    auto file = disk_.create(join_path(directory_, segment_name(end_.offset)));
    if (!file) return file.error();
    names_dirty_ = true;
    mark_dirty(*file);
    segments_.push_back(std::make_unique<Segment>(std::move(*file), end_.offset, config_.index_interval_bytes));
    end_ = active().end();
    return config_.preallocate ? active().preallocate(config_.segment_bytes) : ok();
}

// Nothing more is written into the active segment: what stands beside it is whole.
Result<void> Log::end_segment() {
    if (auto trimmed = active().trim(); !trimmed) return trimmed;
    mark_dirty(active().file());
    if (auto closed = close_indexes(); !closed) return closed;
    return unless_full(write_producer_snapshot(end_.offset));
}

Result<void> Log::close_indexes() {
    const auto unsynced = active().close_indexes(disk_);
    if (!unsynced) return unless_full(unsynced.error());
    for (const auto& file : *unsynced) mark_dirty(file);
    names_dirty_ |= !unsynced->empty();
    return ok();
}

// Indexes and snapshots are a help: where there is no room for them, more is read.
Result<void> Log::unless_full(Result<void> done) {
    if (!done && done.error() == ErrorCode::storage_full) return ok();
    return done;
}

// --- reading ---

std::size_t Log::segment_with(std::int64_t offset) const noexcept {
    const auto found = std::partition_point(segments_.begin(), segments_.end(),
                                            [offset](const auto& segment) { return segment->next_offset() <= offset; });
    return static_cast<std::size_t>(found - segments_.begin());
}

Result<ReadPlan> Log::plan_read(std::int64_t offset, std::size_t bytes_max, const LogPosition& up_to,
                                bool first_batch_whole, bool with_aborted) const {
    if (offset < start_offset_ || offset > end_.offset) {
        return Error::of(ErrorCode::offset_out_of_range,
                         fmt::format("offset {} is not between {} and {}", offset, start_offset_, end_.offset));
    }
    ReadPlan plan;
    const std::size_t index = segment_with(offset);
    if (offset >= up_to.offset || index == segments_.size()) return plan;
    const Segment& segment = *segments_[index];
    plan.limit = limit_in(segment, up_to);
    const auto position = segment.recent_position(offset);
    if (position.value_or(0) >= plan.limit) return plan;
    plan.file = segment.file();
    plan.offset = offset;
    plan.end_offset = std::min(segment.next_offset(), up_to.offset);
    plan.is_known = offset >= known_from_;
    plan.bytes_max = bytes_max;
    plan.first_batch_whole = first_batch_whole;
    if (position) {
        plan.search_from = *position;
        plan.boundary = segment.recent_boundary(plan.search_from + bytes_max);
        plan.bytes_behind = segment.size() - plan.search_from;
    } else {
        plan.index = segment.search_offsets(disk_);
        plan.base_offset = segment.base_offset();
        plan.bytes_behind = segment.size();
    }
    for (std::size_t i = index; with_aborted && i < segments_.size(); ++i) {
        if (segments_[i]->aborted()) plan.aborted_in.push_back(segments_[i]->aborted());
    }
    for (std::size_t i = index + 1; i < segments_.size() && plan.bytes_behind < far_behind_bytes; ++i) {
        plan.bytes_behind += segments_[i]->size();
    }
    return plan;
}

Result<LogPosition> Log::position_of(std::int64_t offset) const {
    const std::size_t index = segment_with(offset);
    if (index == segments_.size()) return end_;
    const Segment& segment = *segments_[index];
    const auto found = segment.find(disk_, offset);
    if (!found) return found.error();
    if (!found->header) return segment.end();
    return LogPosition{found->header->base_offset, segment.base_offset(), found->mark.position};
}

TimePlan Log::plan_time(std::int64_t timestamp, const LogPosition& up_to) const {
    TimePlan plan;
    for (const auto& segment : segments_) {
        if (segment->max_timestamp() < timestamp || segment->next_offset() <= start_offset_) continue;
        plan.limit = limit_in(*segment, up_to);
        if (plan.limit == 0) break;
        plan.times = segment->search_times(disk_);
        plan.index = segment->search_offsets(disk_);
        plan.file = segment->file();
        plan.timestamp = timestamp;
        plan.start_offset = start_offset_;
        break;
    }
    return plan;
}

TimePlan Log::plan_max_timestamp(const LogPosition& up_to) const {
    std::int64_t largest = -1;
    for (const auto& segment : segments_) {
        if (segment->next_offset() > start_offset_) largest = std::max(largest, segment->max_timestamp());
    }
    return largest < 0 ? TimePlan{} : plan_time(largest, up_to);
}

// --- syncing ---

SyncWork Log::prepare_sync() {
    SyncWork work;
    work.files = std::move(dirty_);
    dirty_.clear();
    if (std::exchange(epochs_dirty_, false)) {
        work.checkpoint.emplace(join_path(directory_, leader_epoch_checkpoint_name), epochs_.to_text());
    }
    if (std::exchange(names_dirty_, false)) work.directories.push_back(directory_);
    if (std::exchange(parent_dirty_, false)) work.directories.push_back(parent_path(directory_));
    work.up_to = end_;
    work.is_apart = is_apart_;
    cut_since_prepare_.reset();
    return work;
}

void Log::synced(const SyncWork& work) {
    synced_ = work.up_to;
    if (cut_since_prepare_ && cut_since_prepare_->offset < synced_.offset) synced_ = *cut_since_prepare_;
    if (work.checkpoint) {
        epochs_dirty_ = true;  // there was no room
    } else {
        recovery_point_ = synced_.offset;
    }
}

Result<void> Log::sync() {
    SyncWork work = prepare_sync();
    if (auto done = work.run(disk_); !done) return done;
    synced(work);
    if (!work.checkpoint) return ok();
    return Error::of(ErrorCode::storage_full, fmt::format("no room for '{}'", work.checkpoint->first));
}

Result<void> Log::finish() {
    if (finished_) return ok();
    auto done = end_segment();
    finished_ = done.has_value();
    return done;
}

Result<void> Log::close() {
    if (auto finished = finish(); !finished) return finished;
    return sync();
}

void Log::cut_synced() noexcept {
    if (synced_.offset > end_.offset) synced_ = end_;
    recovery_point_ = std::min(recovery_point_, end_.offset);
    if (!cut_since_prepare_ || cut_since_prepare_->offset > end_.offset) cut_since_prepare_ = end_;
}

void Log::mark_dirty(const std::shared_ptr<File>& file) {
    if (std::find(dirty_.begin(), dirty_.end(), file) == dirty_.end()) dirty_.push_back(file);
}

void Log::unmark_dirty(const Segment& segment) {
    std::erase_if(dirty_, [&](const auto& file) { return file == segment.file() || file == segment.aborted(); });
}

}  // namespace ottla::broker::log
