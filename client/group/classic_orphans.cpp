// SPDX-License-Identifier: Apache-2.0
// As the leader, a look at whether every partition has an owner. Two ways lead to one that has none, and nobody hears
// of it: a static member that was to give partitions back and then join once more (KIP-429) was restarted in between,
// and has forgotten; and topics that grew while no leader was up, where a static one comes back to the assignment that
// there is (KIP-814).
#include <algorithm>

#include <fmt/format.h>

#include "client/consumer/assignors/group_protocol.hpp"
#include "client/group/classic_membership.hpp"

namespace ottla::client {
namespace {

constexpr std::string_view settled = "Stable";

std::size_t count_of(const GroupTopics& topics) {
    std::size_t count = 0;
    for (const auto& [topic, partitions] : topics) count += partitions.size();
    return count;
}

// The first of `topics` that none of the members has; nothing when they have them all, or cannot be understood.
std::optional<std::string> orphan(const GroupTopics& topics,
                                  const std::vector<protocol::DescribeGroupsResponse::DescribedGroupMember>& members) {
    PartitionMap owned;
    for (const auto& member : members) {
        const auto assigned = read_assignment(member.member_assignment);
        if (!assigned) return std::nullopt;
        merge(owned, *assigned);
    }
    for (const auto& [topic, partitions] : topics) {
        const auto& numbers = owned[topic];
        for (std::int32_t p = 0; p < static_cast<std::int32_t>(partitions.size()); ++p)
            if (std::ranges::find(numbers, p) == numbers.end()) return fmt::format("{}[{}]", topic, p);
    }
    return std::nullopt;
}

}  // namespace

void ClassicMembership::expect_owners(TimePoint now) {
    orphans_due_ = TimePoint::max();
    // One of the application may leave partitions to nobody.
    if (!leads_ || assignor_->own) return;
    if (skip_assignment_)
        orphans_due_ = now;
    else if (dealt_ < count_of(shared_))
        orphans_due_ = now + settings_.max_poll_interval;
}

std::optional<ClassicMembership::Action> ClassicMembership::look_for_orphans(TimePoint now) {
    if (phase_ != Phase::stable || !leads_ || description_ != 0 || now < orphans_due_) return std::nullopt;
    auto action = act(now + settings_.request_timeout);
    protocol::DescribeGroupsRequest request;
    request.groups.push_back(settings_.group_id);
    action.what = std::move(request);
    description_ = action.call;
    orphans_due_ = TimePoint::max();
    return action;
}

void ClassicMembership::on_described(std::uint64_t call, const Result<protocol::DescribeGroupsResponse>& answer,
                                     TimePoint now) {
    if (call != description_) return;
    description_ = 0;
    if (phase_ != Phase::stable || !leads_) return;
    const bool is_there = answer && !answer->groups.empty();
    const auto error = !answer    ? answer.error()
                       : is_there ? Error::of(static_cast<ErrorCode>(answer->groups.front().error_code))
                                  : Error::of(ErrorCode::group_id_not_found);
    if (error.code() != ErrorCode::none) {
        if (error.is_retriable()) orphans_due_ = now + settings_.heartbeat_interval;
        return;
    }
    const auto& group = answer->groups.front();
    // Otherwise it is sharing out anew, and everybody will hear of it.
    if (group.group_state != settled) return;
    if (const auto nobodys = orphan(shared_, group.members))
        rejoin_reason_ = fmt::format("{} belongs to nobody", *nobodys);
}

}  // namespace ottla::client
