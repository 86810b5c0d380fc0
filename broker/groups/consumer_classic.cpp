// SPDX-License-Identifier: Apache-2.0
// ConsumerProtocol: members that speak the classic protocol to a group of the consumer protocol, while an application
// goes from the one to the other. They join, are told their assignment, and join again when they have given something
// up or when there is more for them: REBALANCE_IN_PROGRESS asks for that.
#include <algorithm>

#include "broker/groups/consumer_protocol.hpp"
#include "broker/groups/embedded_protocol.hpp"

namespace ottla::broker::groups {
namespace {

using protocol::HeartbeatRequest;
using protocol::JoinGroupRequest;
using protocol::JoinGroupResponse;
using protocol::LeaveGroupRequest;
using protocol::LeaveGroupResponse;
using protocol::SyncGroupRequest;
using protocol::SyncGroupResponse;
using std::chrono::milliseconds;

constexpr std::int16_t classic_id_required_from = 4;  // KIP-394
constexpr const char* consumer_protocol_type = "consumer";

std::int32_t patience_of(const JoinGroupRequest& request) {
    return request.rebalance_timeout_ms < 0 ? request.session_timeout_ms : request.rebalance_timeout_ms;
}

Reconciliation::Owned owned_in(const protocol::ConsumerProtocolSubscription& subscription, const MetadataImage& image) {
    Reconciliation::Owned owned;
    for (const auto& one : subscription.owned_partitions) {
        const auto topic = image.topic(one.topic);
        if (!topic) continue;
        auto& kept = owned.emplace_back();
        kept.topic_id = topic->id;
        kept.partitions = one.partitions;
    }
    return owned;
}

}  // namespace

// --- joining ---

// All who speak the classic protocol know one of them.
bool ConsumerProtocol::supports(const std::string& protocol_type, const std::vector<MemberProtocol>& protocols) const {
    if (protocol_type != consumer_protocol_type) return false;
    return std::ranges::any_of(protocols, [this](const auto& one) {
        return std::ranges::all_of(group_.members(), [&](const auto& entry) {
            const auto& classic = entry.second.profile.classic;
            return !classic || std::ranges::count(classic->protocols, one.name, &MemberProtocol::name) != 0;
        });
    });
}

Result<ConsumerProtocol::Step> ConsumerProtocol::begin_classic(const JoinGroupRequest& request,
                                                               const std::string& member_id) const {
    if (auto right = check_room(member_id); !right) return right.error();
    Step step;
    const auto& instance = request.group_instance_id;
    const ConsumerMember* const known = instance ? group_.static_member(*instance) : group_.find(member_id);
    if (!known) {
        if (instance && !request.member_id.empty()) return Error::of(ErrorCode::unknown_member_id);
        step.old = ConsumerMember{member_id, {}, {}};
    } else if (instance && request.member_id.empty()) {
        step.replaced = known->id;
        step.old = in_place_of(*known, member_id);
    } else if (known->id != member_id) {
        return Error::of(ErrorCode::fenced_instance_id);
    } else {
        step.old = *known;
    }
    step.next = step.old;
    return step;
}

void ConsumerProtocol::join_classic(Ticket ticket, const Caller& caller, const JoinGroupRequest& request) {
    const std::string member_id = request.member_id.empty() ? to_string(turn_.random.uuid()) : request.member_id;
    const auto refuse = [&](ErrorCode code, const std::string& id) {
        auto response = failed<JoinGroupResponse>(code);
        response.member_id = id;
        turn_.answer(ticket, std::move(response));
    };
    auto protocols = protocols_of(request);
    const auto subscription = protocols.empty() ? std::nullopt : subscription_in(protocols.front().metadata.span());
    if (!subscription || !supports(request.protocol_type, protocols))
        return refuse(ErrorCode::inconsistent_group_protocol, request.member_id);
    if (request.member_id.empty() && !request.group_instance_id && caller.version >= classic_id_required_from)
        return refuse(ErrorCode::member_id_required, member_id);
    auto step = begin_classic(request, member_id);
    if (!step) return refuse(step.error().code(), request.member_id);

    MemberProfile& profile = step->next.profile;
    profile.instance_id = request.group_instance_id;
    if (subscription->rack_id) profile.rack_id = subscription->rack_id;
    profile.rebalance_timeout_ms = patience_of(request);
    const ConsumerGroup::Names names(subscription->topics.begin(), subscription->topics.end());
    profile.topics.assign(names.begin(), names.end());
    profile.regex.clear();
    profile.client_id = caller.client_id;
    profile.client_host = caller.client_host;
    profile.classic = ClassicSide{milliseconds(request.session_timeout_ms), std::move(protocols)};
    const auto owned = owned_in(*subscription, image_);
    if (auto done = take_step(*step, &owned); !done) return refuse(done.error().code(), request.member_id);

    turn_.timers.cancel(timer(TimerKind::join, step->next.id));
    turn_.timers.set(timer(TimerKind::sync, step->next.id), turn_.after(milliseconds(patience_of(request))));
    JoinGroupResponse response;
    response.member_id = step->next.id;
    response.generation_id = step->next.position.epoch;
    response.protocol_type = consumer_protocol_type;
    response.protocol_name = profile.classic->protocols.front().name;
    turn_.answer(ticket, std::move(response));
}

// --- going on ---

ErrorCode ConsumerProtocol::find_classic(const std::string& member_id, const std::optional<std::string>& instance_id,
                                         std::int32_t generation, const ConsumerMember*& member) const {
    member = instance_id ? group_.static_member(*instance_id) : group_.find(member_id);
    if (!member) return ErrorCode::unknown_member_id;
    if (member->id != member_id) return ErrorCode::fenced_instance_id;
    if (!member->is_classic()) return ErrorCode::unknown_member_id;
    return generation == member->position.epoch ? ErrorCode::none : ErrorCode::illegal_generation;
}

// It has its rebalance timeout to join again.
ErrorCode ConsumerProtocol::ask_to_join(const ConsumerMember& member) {
    const auto join = timer(TimerKind::join, member.id);
    const milliseconds patience(std::max(member.profile.rebalance_timeout_ms, 0));
    if (!turn_.timers.is_set(join)) turn_.timers.set(join, turn_.after(patience));
    return ErrorCode::rebalance_in_progress;
}

bool ConsumerProtocol::waits_for_others(const ConsumerMember& member) const {
    for (const auto& [topic, partitions] : group_.target(member.id)) {
        for (const auto number : partitions) {
            const std::string* const owner = group_.owner(topic, number);
            if (owner && *owner != member.id) return true;
        }
    }
    return false;
}

ErrorCode ConsumerProtocol::heartbeat_classic(const HeartbeatRequest& request) {
    const ConsumerMember* member = nullptr;
    const ErrorCode wrong = find_classic(request.member_id, request.group_instance_id, request.generation_id, member);
    if (wrong != ErrorCode::none) return wrong;
    heard_of(*member);
    const MemberPosition& position = member->position;
    const bool has_more = position.state == MemberState::unreleased_partitions && !waits_for_others(*member);
    const bool must_join =
        position.epoch < group_.epoch() || position.state == MemberState::unrevoked_partitions || has_more;
    return must_join ? ask_to_join(*member) : ErrorCode::none;
}

SyncGroupResponse ConsumerProtocol::sync_classic(const SyncGroupRequest& request) {
    const ConsumerMember* member = nullptr;
    const ErrorCode wrong = find_classic(request.member_id, request.group_instance_id, request.generation_id, member);
    if (wrong != ErrorCode::none) return failed<SyncGroupResponse>(wrong);
    const MemberProtocol& known = member->profile.classic->protocols.front();
    if ((request.protocol_type && *request.protocol_type != consumer_protocol_type) ||
        (request.protocol_name && *request.protocol_name != known.name))
        return failed<SyncGroupResponse>(ErrorCode::inconsistent_group_protocol);
    // Who is giving something up first finishes that.
    if (group_.epoch() > member->position.epoch && member->position.state != MemberState::unrevoked_partitions)
        return failed<SyncGroupResponse>(ask_to_join(*member));
    turn_.timers.cancel(timer(TimerKind::sync, member->id));
    heard_of(*member);
    SyncGroupResponse response;
    response.protocol_type = consumer_protocol_type;
    response.protocol_name = known.name;
    response.assignment = bytes_of(assignment_of(member->position.assigned, image_), known.metadata.span());
    return response;
}

// --- leaving ---

// Operators take members of either protocol out by this.
LeaveGroupResponse ConsumerProtocol::leave_classic(const LeaveGroupRequest& request) {
    LeaveGroupResponse response;
    std::vector<const ConsumerMember*> leaving;
    for (const auto& one : request.members) {
        const auto& instance = one.group_instance_id;
        const ConsumerMember* const member = instance ? group_.static_member(*instance) : group_.find(one.member_id);
        auto& told = response.members.emplace_back();
        told.member_id = one.member_id;
        told.group_instance_id = instance;
        ErrorCode wrong = member ? ErrorCode::none : ErrorCode::unknown_member_id;
        if (member && !one.member_id.empty() && one.member_id != member->id) wrong = ErrorCode::fenced_instance_id;
        if (wrong == ErrorCode::none && std::ranges::count(leaving, member) != 0) wrong = ErrorCode::unknown_member_id;
        told.error_code = static_cast<std::int16_t>(wrong);
        if (wrong == ErrorCode::none) leaving.push_back(member);
    }
    if (!leaving.empty()) fence(leaving);
    return response;
}

// --- moments ---

void ConsumerProtocol::classic_over(const std::string& member_id, TimerKind kind) {
    const ConsumerMember* const member = group_.find(member_id);
    if (member && member->is_classic()) fence({member}, kind);
}

}  // namespace ottla::broker::groups
