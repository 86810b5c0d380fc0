// SPDX-License-Identifier: Apache-2.0
#include "client/group/group_statistics.hpp"

#include "client/group/group.hpp"

namespace ottla::client {

GroupStatistics Group::statistics() const {
    const auto now = runtime().now();
    GroupStatistics told;
    told.state = membership_->is_out() ? "init" : coordinator_->is_known() ? "up" : "query-coord";
    told.state_age = now - state_since_;
    told.join_state = membership_->join_state();
    if (rebalances_ > 0) told.rebalance_age = now - rebalanced_at_;
    told.rebalance_count = rebalances_;
    told.rebalance_reason = rebalance_reason_;
    for (const auto& [topic, partitions] : membership_->owned())
        told.assignment_size += static_cast<std::int64_t>(partitions.size());
    return told;
}

}  // namespace ottla::client
