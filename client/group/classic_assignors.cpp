// SPDX-License-Identifier: Apache-2.0
// Where the membership meets the assignors: what they say along with a join, the shares that the leader hands out, and
// what lets it share out anew. Those of the application may fail.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/consumer/assignors/group_protocol.hpp"
#include "client/group/classic_membership.hpp"

namespace ottla::client {

const Assignor* ClassicMembership::offered(std::string_view name) const {
    const auto at = std::ranges::find(settings_.assignors, name, &Assignor::name);
    return at == settings_.assignors.end() ? nullptr : *at;
}

// One that fails joins without.
Bytes ClassicMembership::own_user_data(const Assignor& assignor) {
    if (!assignor.own) return {};
    auto data = user_data_of_own(assignor, topics_);
    if (data) return std::move(*data);
    reports_.tell_once(data.error());
    return {};
}

Result<std::vector<protocol::SyncGroupRequest::SyncGroupRequestAssignment>> ClassicMembership::shares() {
    GroupAssignor::Assignment assignment;
    if (assignor_->own) {
        auto by_own = assign_by_own(*assignor_, members_, shared_);
        if (!by_own) return by_own.error();
        assignment = std::move(*by_own);
    } else {
        for (auto& [member, partitions] : assignor_->assign(members_, shared_))
            assignment[member].partitions = std::move(partitions);
    }
    std::vector<protocol::SyncGroupRequest::SyncGroupRequestAssignment> shares;
    dealt_ = 0;
    for (const auto& [member, assigned] : assignment) {
        for (const auto& [topic, partitions] : assigned.partitions) dealt_ += partitions.size();
        auto bytes = write_assignment(assigned.partitions, assigned.user_data);
        if (!bytes) return bytes.error().with_context("the assignment");
        auto& to = shares.emplace_back();
        to.member_id = member;
        to.assignment = std::move(*bytes);
    }
    return shares;
}

// Nothing of it is sent: the group tries again from the join on, and is told so once.
void ClassicMembership::refuse_assignment(const Error& error, TimePoint now) {
    auto text = to_string(error);
    if (std::exchange(assignor_told_, text) != text) reports_.tell(error);
    members_.clear();
    join_reason_ = "the assignor failed";
    phase_ = Phase::unjoined;
    search_.wait(now);
}

void ClassicMembership::tell_assignor(const PartitionMap& partitions, Bytes user_data) {
    if (!assignor_->own) return;
    GroupMetadata who;
    who.group_id = settings_.group_id;
    who.generation = identity_.generation;
    who.member_id = identity_.member_id;
    who.instance_id = settings_.instance_id;
    GroupAssignor::Assigned assigned;
    assigned.partitions = partitions;
    assigned.user_data = std::move(user_data);
    if (const auto told = tell_own(*assignor_, assigned, who); !told) reports_.tell_once(told.error());
}

void ClassicMembership::on_metadata(const GroupTopics& known) {
    if (!leads_) return;
    for (const auto& [topic, partitions] : known) {
        const auto at = shared_.find(topic);
        if (at == shared_.end() || at->second.size() == partitions.size()) continue;
        rejoin_reason_ = partitions.empty() ? fmt::format("topic '{}' is gone", topic)
                                            : fmt::format("topic '{}' has {} partitions now", topic, partitions.size());
        at->second = partitions;
    }
}

void ClassicMembership::on_topic_made_anew(const std::string& topic) {
    if (leads_ && shared_.contains(topic)) rejoin_reason_ = fmt::format("topic '{}' was deleted and made anew", topic);
}

}  // namespace ottla::client
