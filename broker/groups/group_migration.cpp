// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_migration.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "broker/groups/consumer_records.hpp"
#include "broker/groups/embedded_protocol.hpp"

namespace ottla::broker::groups {
namespace {

Error not_upgraded(const ClassicGroup& group, std::string_view why) {
    return Error::of(ErrorCode::group_id_not_found,
                     fmt::format("The classic group '{}' cannot go to the consumer protocol: {}.", group.id(), why));
}

struct UpgradedMember {
    ConsumerMember member;
    TopicPartitions target;
};

Result<UpgradedMember> upgraded_member(const ClassicGroup& group, const ClassicMember& classic,
                                       const MetadataImage& image) {
    const Bytes* metadata = group.protocol_name() ? classic.metadata(*group.protocol_name()) : nullptr;
    if (!metadata && !classic.protocols.empty()) metadata = &classic.protocols.front().metadata;
    const auto subscription = metadata ? subscription_in(metadata->span()) : std::nullopt;
    if (!subscription) return not_upgraded(group, "a subscription in it cannot be read");
    UpgradedMember next;
    // One that has just joined has no assignment yet.
    if (!classic.assignment.empty()) {
        const auto assignment = assignment_in(classic.assignment.span());
        if (!assignment) return not_upgraded(group, "an assignment in it cannot be read");
        if (assignment->user_data && !assignment->user_data->empty())
            return not_upgraded(group, "what its own assignor keeps for itself would be lost");
        next.target = partitions_in(*assignment, image);
    }
    ConsumerMember& member = next.member;
    member.id = classic.id;
    member.profile.instance_id = classic.instance_id;
    member.profile.rack_id = subscription->rack_id;
    member.profile.client_id = classic.client_id;
    member.profile.client_host = classic.client_host;
    const ConsumerGroup::Names names(subscription->topics.begin(), subscription->topics.end());
    member.profile.topics.assign(names.begin(), names.end());
    member.profile.rebalance_timeout_ms = static_cast<std::int32_t>(classic.rebalance_timeout.count());
    member.profile.classic = ClassicSide{classic.session_timeout, classic.protocols};
    member.position.epoch = member.position.previous_epoch = group.generation();
    for (const auto& [topic, partitions] : next.target) {
        for (const auto number : partitions) member.position.assigned[topic].emplace(number, group.generation());
    }
    return next;
}

// The one that the first member likes best among those that all know.
std::string common_protocol(const ConsumerGroup& group) {
    for (const auto& one : group.members().begin()->second.profile.classic->protocols) {
        const bool all_know = std::ranges::all_of(group.members(), [&](const auto& entry) {
            const auto& protocols = entry.second.profile.classic->protocols;
            return std::ranges::count(protocols, one.name, &MemberProtocol::name) != 0;
        });
        if (all_know) return one.name;
    }
    return group.members().begin()->second.profile.classic->protocols.front().name;
}

}  // namespace

Result<std::vector<GroupRecord>> upgraded(const ClassicGroup& group, const MetadataImage& image) {
    if (!group.is_of_consumers()) return not_upgraded(group, "its members are no consumers");
    std::vector<UpgradedMember> members;
    std::map<std::pair<Uuid, std::int32_t>, int> owners;
    for (const auto& [id, classic] : group.members()) {
        auto next = upgraded_member(group, classic, image);
        if (!next) return next.error();
        for (const auto& [topic, partitions] : next->target) {
            for (const auto number : partitions) {
                if (++owners[{topic, number}] > 1)
                    return not_upgraded(group, "its own assignor deals partitions twice");
            }
        }
        members.push_back(std::move(*next));
    }
    std::vector<GroupRecord> records;
    for (const auto& one : members) records.emplace_back(member_record(group.id(), one.member));
    // What a rebalance was to deal, or the next one of cooperative members, is nobody's: that the topics are not looked
    // at yet makes the first heartbeat deal, also that of a static member, by whose coming back nothing changes.
    constexpr std::int64_t not_looked_at = 0;
    records.emplace_back(group_epoch_record(group.id(), group.generation(), not_looked_at));
    for (const auto& one : members) records.emplace_back(target_record(group.id(), one.member.id, one.target));
    records.emplace_back(target_epoch_record(group.id(), group.generation(), 0));
    for (const auto& one : members) records.emplace_back(position_record(group.id(), one.member));
    return records;
}

ClassicGroup downgraded(const ConsumerGroup& group, const MetadataImage& image, std::int64_t wall_ms) {
    protocol::GroupMetadataValue value;
    value.protocol_type = "consumer";
    // That of the members who are furthest, not the group's, which went up when the last of the others left: they are
    // still members in it, and may commit before they join again. The one that follows is new to all of them.
    for (const auto& [id, member] : group.members())
        value.generation = std::max(value.generation, member.position.epoch);
    value.protocol = common_protocol(group);
    value.leader = group.members().begin()->first;
    value.current_state_timestamp = wall_ms;
    for (const auto& [id, member] : group.members()) {
        const ClassicSide& classic = *member.profile.classic;
        auto& one = value.members.emplace_back();
        one.member_id = id;
        one.group_instance_id = member.profile.instance_id;
        one.client_id = member.profile.client_id;
        one.client_host = member.profile.client_host;
        one.rebalance_timeout = member.profile.rebalance_timeout_ms;
        one.session_timeout = static_cast<std::int32_t>(classic.session_timeout.count());
        const auto chosen = std::ranges::find(classic.protocols, *value.protocol, &MemberProtocol::name);
        if (chosen != classic.protocols.end()) one.subscription = chosen->metadata;
        one.assignment = bytes_of(assignment_of(group.target(id), image), one.subscription.span());
    }
    auto classic = ClassicGroup::from_record(group.id(), value);
    for (auto& [id, member] : classic.members()) member.protocols = group.find(id)->profile.classic->protocols;
    return classic;
}

}  // namespace ottla::broker::groups
