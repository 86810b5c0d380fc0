// SPDX-License-Identifier: Apache-2.0
// The front of a log: from where it is still to be read, and the segments that are given up.
#include <algorithm>

#include "base/assert.hpp"
#include "broker/log/log.hpp"

namespace ottla::broker::log {

std::int64_t Log::start_by(const RetentionRules& rules) const {
    std::int64_t start = start_offset_;
    std::uint64_t left = bytes();
    for (const auto& segment : segments_) {
        if (segment->size() == 0 || segment->next_offset() > rules.high_watermark) break;
        // A segment without any timestamp does not say how old it is: it goes by size only.
        const bool expired = rules.expired_before_ms && segment->max_timestamp() >= 0 &&
                             segment->max_timestamp() < *rules.expired_before_ms;
        const bool too_much = rules.bytes_max && left - segment->size() >= *rules.bytes_max;
        const bool below_start = segment->next_offset() <= start_offset_;
        if (!expired && !too_much && !below_start) break;
        left -= segment->size();
        start = std::max(start, segment->next_offset());
    }
    return start;
}

void Log::advance_start(std::int64_t offset) {
    OTTLA_ASSERT(offset <= end_.offset);
    if (offset <= start_offset_) return;
    start_offset_ = offset;
    // Producers stay known until they expire (KIP-360): they may yet send what follows what is gone.
    if (epochs_.truncate_start(offset)) epochs_dirty_ = true;
}

Result<Retired> Log::retire(std::int64_t written_down, std::size_t count_max) {
    Retired retired;
    if (compacted_below_) return retired;
    const std::int64_t below = std::min(start_offset_, written_down);
    std::size_t count = 0;
    while (count < std::min(segments_.size(), count_max) && segments_[count]->size() != 0 &&
           segments_[count]->next_offset() <= below)
        ++count;
    if (count == 0) return retired;
    // A log has a segment to write into.
    if (count == segments_.size()) {
        if (auto rolled = roll(); !rolled) return rolled.error();
    }
    while (count-- > 0) {
        const Segment& oldest = *segments_.front();
        auto renamed = retire_segment_files(disk_, directory_, oldest.base_offset(), retired);
        if (!renamed) return renamed.error();
        retired.bytes += oldest.size();
        names_dirty_ = true;
        unmark_dirty(oldest);
        segments_.erase(segments_.begin());
    }
    return retired;
}

}  // namespace ottla::broker::log
