// SPDX-License-Identifier: Apache-2.0
#include "client/parallel/partition_progress.hpp"

#include "base/assert.hpp"

namespace ottla::client {

bool PartitionProgress::pass_if_done(std::int64_t offset) {
    if (known_.is_past(offset) || !known_.is_done(offset)) return false;
    next_ = offset + 1;
    return true;
}

PartitionProgress::Place PartitionProgress::take(std::int64_t offset) {
    OTTLA_ASSERT(offset >= next_);
    if (count() == ring_.size()) grow();
    next_ = offset + 1;
    entry(end_) = static_cast<std::uint64_t>(offset) << 1;
    ++unfinished_;
    return end_++;
}

void PartitionProgress::finish(Place place) {
    OTTLA_ASSERT(place >= first_ && place < end_ && !is_done_at(place));
    entry(place) |= 1;
    --unfinished_;
    while (first_ < end_ && is_done_at(first_)) ++first_;
}

OffsetMap PartitionProgress::beyond() const {
    OffsetMap map(watermark());
    for (Place p = first_; p < end_; ++p) {
        map.append(true, offset_at(p) - map.end());
        map.append(is_done_at(p), 1);
    }
    // What was passed over at the end.
    if (next_ >= 0) map.append(true, next_ - map.end());
    known_.append_rest(next_, map);
    return map;
}

void PartitionProgress::grow() {
    std::vector<std::uint64_t> larger(ring_.empty() ? 64 : ring_.size() * 2);
    for (Place p = first_; p < end_; ++p) larger[p & (larger.size() - 1)] = entry(p);
    ring_ = std::move(larger);
}

}  // namespace ottla::client
