// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/classic_group.hpp"

#include <algorithm>
#include <limits>

#include "base/assert.hpp"
#include "broker/groups/embedded_protocol.hpp"

namespace ottla::broker::groups {

std::string_view name_of(ClassicState state) noexcept {
    switch (state) {
        case ClassicState::empty: return "Empty";
        case ClassicState::preparing_rebalance: return "PreparingRebalance";
        case ClassicState::completing_rebalance: return "CompletingRebalance";
        case ClassicState::stable: break;
    }
    return "Stable";
}

std::vector<MemberProtocol> protocols_of(const protocol::JoinGroupRequest& request) {
    std::vector<MemberProtocol> protocols;
    std::set<std::string_view> seen;
    for (const auto& one : request.protocols) {
        if (seen.insert(one.name).second) protocols.push_back({one.name, Bytes::copy_of(one.metadata.span())});
    }
    return protocols;
}

const Bytes* ClassicMember::metadata(std::string_view protocol) const noexcept {
    const auto at = std::ranges::find(protocols, protocol, &MemberProtocol::name);
    return at == protocols.end() ? nullptr : &at->metadata;
}

void ClassicGroup::become(ClassicState state, std::int64_t wall_ms) noexcept {
    state_ = state;
    state_since_ms_ = wall_ms;
}

// --- members ---

ClassicMember* ClassicGroup::find(std::string_view member_id) {
    const auto at = members_.find(member_id);
    return at == members_.end() ? nullptr : &at->second;
}

const ClassicMember* ClassicGroup::find(std::string_view member_id) const {
    const auto at = members_.find(member_id);
    return at == members_.end() ? nullptr : &at->second;
}

const std::string* ClassicGroup::static_member(std::string_view instance_id) const {
    const auto at = static_members_.find(instance_id);
    return at == static_members_.end() ? nullptr : &at->second;
}

ErrorCode ClassicGroup::validate(std::string_view member_id, const std::optional<std::string>& instance_id) const {
    if (instance_id) {
        const std::string* const holder = static_member(*instance_id);
        if (!holder) return ErrorCode::unknown_member_id;
        if (*holder != member_id) return ErrorCode::fenced_instance_id;
    }
    return members_.contains(member_id) ? ErrorCode::none : ErrorCode::unknown_member_id;
}

ClassicMember& ClassicGroup::add(ClassicMember member, std::string protocol_type) {
    if (members_.empty()) protocol_type_ = std::move(protocol_type);
    if (leader_.empty()) leader_ = member.id;
    if (member.instance_id) {
        const bool is_new = static_members_.emplace(*member.instance_id, member.id).second;
        OTTLA_ASSERT(is_new);
    }
    pending_.erase(member.id);
    const auto [at, added] = members_.emplace(member.id, std::move(member));
    OTTLA_ASSERT(added);
    return at->second;
}

ClassicMember ClassicGroup::remove(std::string_view member_id) {
    const auto at = members_.find(member_id);
    OTTLA_ASSERT(at != members_.end());
    ClassicMember member = std::move(at->second);
    members_.erase(at);
    if (member.instance_id) static_members_.erase(*member.instance_id);
    unsynced_.erase(member.id);
    if (leader_ == member.id) leader_ = members_.empty() ? std::string() : members_.begin()->first;
    return member;
}

ClassicMember& ClassicGroup::rename(const std::string& old_id, const std::string& new_id) {
    auto node = members_.extract(old_id);
    OTTLA_ASSERT(!node.empty() && node.mapped().instance_id);
    node.key() = new_id;
    node.mapped().id = new_id;
    static_members_[*node.mapped().instance_id] = new_id;
    if (leader_ == old_id) leader_ = new_id;
    if (unsynced_.erase(old_id) != 0) unsynced_.insert(new_id);
    const auto placed = members_.insert(std::move(node));
    OTTLA_ASSERT(placed.inserted);
    return placed.position->second;
}

std::size_t ClassicGroup::joining_count() const noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(members_, [](const auto& one) { return one.second.joining.has_value(); }));
}

std::chrono::milliseconds ClassicGroup::rebalance_timeout() const noexcept {
    std::chrono::milliseconds longest{};
    for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
    return longest;
}

// --- protocols ---

std::map<std::string_view, std::size_t> ClassicGroup::protocol_counts() const {
    std::map<std::string_view, std::size_t> counts;
    for (const auto& [id, member] : members_) {
        for (const auto& one : member.protocols) ++counts[one.name];
    }
    return counts;
}

bool ClassicGroup::supports(std::string_view protocol_type, const std::vector<MemberProtocol>& protocols) const {
    if (protocol_type.empty() || protocols.empty()) return false;
    if (members_.empty()) return true;
    if (protocol_type != protocol_type_) return false;
    const auto counts = protocol_counts();
    return std::ranges::any_of(protocols, [&](const auto& one) {
        const auto at = counts.find(one.name);
        return at != counts.end() && at->second == members_.size();
    });
}

std::string ClassicGroup::choose_protocol() const {
    const auto counts = protocol_counts();
    std::map<std::string_view, std::size_t> votes;
    for (const auto& [id, member] : members_) {
        const auto liked = std::ranges::find_if(
            member.protocols, [&](const auto& one) { return counts.at(one.name) == members_.size(); });
        OTTLA_ASSERT(liked != member.protocols.end());
        ++votes[liked->name];
    }
    return std::string(
        std::ranges::max_element(votes, [](const auto& a, const auto& b) { return a.second < b.second; })->first);
}

// --- generations ---

bool ClassicGroup::elect_leader() {
    if (const auto* leader = find(leader_); leader && leader->joining) return true;
    for (const auto& [id, member] : members_) {
        if (!member.joining) continue;
        leader_ = id;
        return true;
    }
    return false;
}

void ClassicGroup::begin_generation(std::int64_t wall_ms) {
    generation_ = generation_ == std::numeric_limits<std::int32_t>::max() ? 1 : generation_ + 1;
    unsynced_.clear();
    if (members_.empty()) {
        protocol_name_.reset();
        leader_.clear();
        become(ClassicState::empty, wall_ms);
    } else {
        protocol_name_ = choose_protocol();
        become(ClassicState::completing_rebalance, wall_ms);
    }
    read_subscriptions();
}

// --- what it reads ---

bool ClassicGroup::is_subscribed_to(std::string_view topic) const {
    if (members_.empty() || !is_of_consumers()) return false;
    return !subscribed_ || subscribed_->contains(topic);
}

void ClassicGroup::read_subscriptions() {
    subscribed_.reset();
    if (!is_of_consumers() || !protocol_name_) return;
    std::set<std::string, std::less<>> topics;
    for (const auto& [id, member] : members_) {
        const Bytes* const metadata = member.metadata(*protocol_name_);
        auto subscription = metadata ? subscription_in(metadata->span()) : std::nullopt;
        if (!subscription) return;
        for (auto& topic : subscription->topics) topics.insert(std::move(topic));
    }
    subscribed_ = std::move(topics);
}

// --- records ---

ClassicGroupRecord ClassicGroup::record() const {
    ClassicGroupRecord record = classic_group_tombstone(id_);
    auto& value = record.value.emplace();
    value.protocol_type = protocol_type_;
    value.generation = generation_;
    value.protocol = protocol_name_;
    value.leader = leader_.empty() ? std::nullopt : std::optional(leader_);
    value.current_state_timestamp = state_since_ms_;
    for (const auto& [id, member] : members_) {
        auto& one = value.members.emplace_back();
        one.member_id = id;
        one.group_instance_id = member.instance_id;
        one.client_id = member.client_id;
        one.client_host = member.client_host;
        one.rebalance_timeout = static_cast<std::int32_t>(member.rebalance_timeout.count());
        one.session_timeout = static_cast<std::int32_t>(member.session_timeout.count());
        if (const Bytes* metadata = protocol_name_ ? member.metadata(*protocol_name_) : nullptr)
            one.subscription = *metadata;
        one.assignment = member.assignment;
    }
    return record;
}

ClassicGroup ClassicGroup::from_record(std::string id, const protocol::GroupMetadataValue& value) {
    ClassicGroup group(std::move(id));
    group.generation_ = value.generation;
    group.state_since_ms_ = value.current_state_timestamp;
    group.protocol_type_ = value.protocol_type;
    group.state_ = value.members.empty() ? ClassicState::empty : ClassicState::stable;
    if (value.members.empty()) return group;
    group.protocol_name_ = value.protocol;
    for (const auto& one : value.members) {
        // Nothing of ours writes a member twice; who did is not to end this broker.
        if (group.find(one.member_id) || (one.group_instance_id && group.static_member(*one.group_instance_id)))
            continue;
        ClassicMember member;
        member.id = one.member_id;
        member.instance_id = one.group_instance_id;
        member.client_id = one.client_id;
        member.client_host = one.client_host;
        member.session_timeout = std::chrono::milliseconds(std::max(one.session_timeout, 0));
        const std::int32_t rebalance = one.rebalance_timeout < 0 ? one.session_timeout : one.rebalance_timeout;
        member.rebalance_timeout = std::chrono::milliseconds(std::max(rebalance, 0));
        member.protocols.push_back({value.protocol.value_or(""), one.subscription});
        member.assignment = one.assignment;
        member.is_new = false;
        group.add(std::move(member), value.protocol_type);
    }
    if (value.leader && group.find(*value.leader)) group.leader_ = *value.leader;
    group.read_subscriptions();
    return group;
}

protocol::DescribeGroupsResponse::DescribedGroup ClassicGroup::described() const {
    protocol::DescribeGroupsResponse::DescribedGroup answer;
    const bool is_stable = is(ClassicState::stable);
    answer.group_id = id_;
    answer.group_state = name_of(state_);
    answer.protocol_type = protocol_type_;
    if (is_stable) answer.protocol_data = protocol_name_.value_or("");
    for (const auto& [id, member] : members_) {
        auto& one = answer.members.emplace_back();
        one.member_id = id;
        one.group_instance_id = member.instance_id;
        one.client_id = member.client_id;
        one.client_host = member.client_host;
        one.member_assignment = member.assignment;
        const Bytes* const metadata = is_stable && protocol_name_ ? member.metadata(*protocol_name_) : nullptr;
        if (metadata) one.member_metadata = *metadata;
    }
    return answer;
}

std::vector<protocol::JoinGroupResponse::JoinGroupResponseMember> ClassicGroup::joined_members() const {
    std::vector<protocol::JoinGroupResponse::JoinGroupResponseMember> members;
    for (const auto& [id, member] : members_) {
        auto& one = members.emplace_back();
        one.member_id = id;
        one.group_instance_id = member.instance_id;
        if (const Bytes* metadata = protocol_name_ ? member.metadata(*protocol_name_) : nullptr)
            one.metadata = *metadata;
    }
    return members;
}

}  // namespace ottla::broker::groups
