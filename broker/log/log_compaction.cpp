// SPDX-License-Identifier: Apache-2.0
// A log's part in its compaction: what there is to do, and the new segments in place of the old ones.
#include <algorithm>

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

void Log::replace(const CleanedGroup& group, std::unique_ptr<Segment> cleaned) {
    const auto first = std::ranges::find(segments_, group.base_offset, &Segment::base_offset);
    const auto behind = first + static_cast<std::ptrdiff_t>(group.bases.size());
    for (auto old = first; old != behind; ++old) unmark_dirty(**old);
    *first = std::move(cleaned);
    segments_.erase(first + 1, behind);
    names_dirty_ = true;
}

}  // namespace ottla::broker::log
