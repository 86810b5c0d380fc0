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
    if (free_ == nobody) {
        free_ = static_cast<Place>(records_.size());
        records_.emplace_back();
    }
    const Place place = free_;
    free_ = records_[place].behind;
    records_[place] = {offset, taken_++, last_, nobody};
    (last_ == nobody ? first_ : records_[last_].behind) = place;
    last_ = place;
    ++unfinished_;
    next_ = offset + 1;
    return place;
}

void PartitionProgress::finish(Place place) {
    OTTLA_ASSERT(place < records_.size() && records_[place].offset >= 0);
    const Record r = records_[place];
    (r.before == nobody ? first_ : records_[r.before].behind) = r.behind;
    (r.behind == nobody ? last_ : records_[r.behind].before) = r.before;
    records_[place] = {.behind = free_};
    free_ = place;
    --unfinished_;
}

OffsetMap PartitionProgress::beyond() const {
    OffsetMap map(watermark());
    for (Place p = first_; p != nobody; p = records_[p].behind) {
        map.append(true, records_[p].offset - map.end());
        map.append(false, 1);
    }
    // What is done behind the last of them.
    if (next_ >= 0) map.append(true, next_ - map.end());
    known_.append_rest(next_, map);
    return map;
}

}  // namespace ottla::client
