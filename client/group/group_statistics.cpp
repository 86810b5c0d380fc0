// SPDX-License-Identifier: Apache-2.0
#include "client/group/group_statistics.hpp"

#include <array>
#include <utility>

#include "client/group/group.hpp"

namespace ottla::client {

std::string_view join_state_of(std::string_view state_name) noexcept {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 18> words{{
        {"to join", "wait-join"},
        {"joining", "wait-join"},
        {"looking at the topics", "wait-metadata"},
        {"to share out", "wait-metadata"},
        {"to sync", "wait-sync"},
        {"syncing", "wait-sync"},
        {"handing over", "wait-assign-call"},
        {"giving back", "wait-unassign-call"},
        {"leaving", "wait-unassign-to-complete"},
        {"stable", "steady"},
        {"JOINING", "wait-join"},
        {"RECONCILING", "wait-assign-call"},
        {"ACKNOWLEDGING", "steady"},
        {"STABLE", "steady"},
        {"PREPARE_LEAVING", "wait-unassign-call"},
        {"LEAVING", "wait-unassign-to-complete"},
        {"STALE", "init"},
        {"FENCED", "wait-join"},
    }};
    for (const auto& [ours, theirs] : words)
        if (ours == state_name) return theirs;
    return "init";
}

GroupStatistics Group::statistics() const {
    const auto now = runtime().now();
    GroupStatistics told;
    told.state = membership_->is_out() ? "init" : coordinator_->is_known() ? "up" : "query-coord";
    told.state_age = now - state_since_;
    told.join_state = join_state_of(membership_->state_name());
    if (rebalances_ > 0) told.rebalance_age = now - rebalanced_at_;
    told.rebalance_count = rebalances_;
    told.rebalance_reason = rebalance_reason_;
    for (const auto& [topic, partitions] : membership_->owned())
        told.assignment_size += static_cast<std::int64_t>(partitions.size());
    return told;
}

}  // namespace ottla::client
