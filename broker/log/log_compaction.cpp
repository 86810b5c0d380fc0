// SPDX-License-Identifier: Apache-2.0
// A log's part in its compaction: what there is to do, and the new segments in place of the old ones.
#include <algorithm>

#include <fmt/core.h>

#include "broker/log/compaction/compaction.hpp"
#include "broker/log/log.hpp"
#include "broker/log/segment_files.hpp"
#include "broker/log/transaction_index.hpp"

namespace ottla::broker::log {

Dirtiness Log::dirtiness(std::int64_t checkpoint, const CompactionLimits& limits) const {
    Dirtiness found;
    // A checkpoint behind the end is of another history.
    found.first_dirty = checkpoint > end_.offset ? start_offset_ : std::max(checkpoint, start_offset_);
    found.up_to = segments_.front()->base_offset();
    for (std::size_t i = 0; i + 1 < segments_.size(); ++i) {
        const Segment& segment = *segments_[i];
        const bool is_dirty = segment.next_offset() > found.first_dirty;
        if (is_dirty && (segment.next_offset() > limits.up_to || segment.max_timestamp() > limits.newer_than_ms)) break;
        (is_dirty ? found.dirty_bytes : found.clean_bytes) += segment.size();
        found.up_to = segment.next_offset();
    }
    return found;
}

Result<std::optional<std::int64_t>> Log::dirty_since(const Dirtiness& dirt) const {
    std::optional<std::int64_t> earliest;
    for (const auto& segment : segments_) {
        if (segment->next_offset() <= dirt.first_dirty || segment->size() == 0) continue;
        if (segment->base_offset() >= dirt.up_to) break;
        const auto first = segment->first_timestamp();
        if (!first) return first.error();
        // Kafka takes 0 for no time, too.
        if (*first > 0 && (!earliest || *first < *earliest)) earliest = *first;
    }
    return earliest;
}

CompactionInput Log::begin_compaction(const Dirtiness& dirt) {
    CompactionInput input;
    input.directory = directory_;
    input.config = config_;
    input.first_dirty = dirt.first_dirty;
    for (const auto& segment : segments_) {
        if (segment->aborted()) input.aborted_in.push_back(segment->aborted());
        if (segment->next_offset() > dirt.up_to || segment->size() == 0) continue;
        input.segments.push_back({segment->file(), segment->base_offset(), segment->next_offset(), segment->size()});
    }
    for (const auto& producer : producers_.entries())
        input.producers[producer.producer_id] = {producer.epoch, producer.last_offset};
    compacted_below_ = dirt.up_to;
    return input;
}

Result<void> Log::replace(const CleanedGroup& group) {
    const auto first = std::ranges::find(segments_, group.base_offset, &Segment::base_offset);
    const auto behind = first + static_cast<std::ptrdiff_t>(group.bases.size());
    for (const std::string_view suffix : {".index", ".timeindex", ".txnindex", ".log"}) {
        if (suffix == transaction_index_suffix && !group.has_aborted) continue;
        const std::string name = join_path(directory_, segment_name(group.base_offset, suffix));
        if (auto renamed = disk_.rename(name + std::string(swap_suffix), name); !renamed) return renamed;
    }
    names_dirty_ = true;
    auto file = disk_.open(join_path(directory_, segment_name(group.base_offset)));
    if (!file) return file.error();
    auto cleaned = Segment::load(disk_, *file, group.base_offset, config_.index_interval_bytes, group.next_offset);
    // The names have changed hands already: whatever is wrong now, memory and disk no longer say the same.
    if (!cleaned) return Error::of(ErrorCode::file_system, std::string(cleaned.error().text()));
    if (!*cleaned) {
        return Error::of(ErrorCode::file_system,
                         fmt::format("'{}': its indexes, just written, do not fit it", (*file)->path()));
    }
    for (auto old = first; old != behind; ++old) unmark_dirty(**old);
    *first = std::move(*cleaned);
    segments_.erase(first + 1, behind);
    return ok();
}

}  // namespace ottla::broker::log
