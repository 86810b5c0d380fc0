// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/offset_expiry.hpp"

#include <algorithm>

namespace ottla::broker::groups {

bool OffsetExpiry::is_older(const CommittedOffset& offset, std::int64_t since_ms) const {
    return offset.expire_ms >= 0 ? wall_ms_ >= offset.expire_ms : wall_ms_ - since_ms >= retention_ms_;
}

bool OffsetExpiry::is_over(std::string_view topic, const CommittedOffset& offset) const {
    if (consumer_) return !consumer_->is_subscribed_to(topic) && is_older(offset, offset.commit_ms);
    if (group_.is_subscribed_to(topic)) return false;
    const bool nobody_joins = group_.protocol_type().empty();
    const bool is_empty = group_.is(ClassicState::empty);
    const bool knows_topics = group_.is(ClassicState::stable) && group_.knows_its_topics();
    if (!nobody_joins && !is_empty && !knows_topics) return false;
    const bool counts_from_empty = !nobody_joins && is_empty;
    const std::int64_t since =
        counts_from_empty ? std::max(group_.state_since_ms(), offset.commit_ms) : offset.commit_ms;
    return is_older(offset, since);
}

}  // namespace ottla::broker::groups
