// SPDX-License-Identifier: Apache-2.0
// ClassicProtocol: who is alive, and who goes.
#include "broker/groups/classic_protocol.hpp"

namespace ottla::broker::groups {

using protocol::HeartbeatRequest;
using protocol::LeaveGroupRequest;
using protocol::LeaveGroupResponse;

void ClassicProtocol::heard_of(const ClassicMember& member) {
    turn_.timers.set(timer(TimerKind::session, member.id), turn_.after(member.session_timeout));
}

void ClassicProtocol::resume() {
    for (const auto& [id, member] : group_.members()) heard_of(member);
    if (group_.members().size() > static_cast<std::size_t>(turn_.settings.max_size)) prepare_rebalance();
}

void ClassicProtocol::take_over() {
    for (const auto& [id, member] : group_.members()) heard_of(member);
    prepare_rebalance();
}

ErrorCode ClassicProtocol::heartbeat(const HeartbeatRequest& request) {
    const ErrorCode valid = group_.validate(request.member_id, request.group_instance_id);
    if (valid != ErrorCode::none) return valid;
    if (request.generation_id != group_.generation()) return ErrorCode::illegal_generation;
    // Before its first generation is complete, nobody has an id to send these with: the answer is not heartbeats' to
    // put off.
    const ClassicMember& member = *group_.find(request.member_id);
    if (!member.is_new) heard_of(member);
    return group_.is(ClassicState::preparing_rebalance) ? ErrorCode::rebalance_in_progress : ErrorCode::none;
}

void ClassicProtocol::committed_by(const std::string& member_id) {
    const ClassicMember* const member = group_.find(member_id);
    if (member && !member->is_new) heard_of(*member);
}

void ClassicProtocol::session_over(const std::string& member_id) {
    const ClassicMember* const member = group_.find(member_id);
    if (!member) return;
    // While it waits for us, nothing is to be heard of it. One that is new may wait in vain for ever.
    if (!member->is_new && (member->joining || member->syncing)) return;
    remove(member_id, ErrorCode::unknown_member_id);
    after_removal();
}

void ClassicProtocol::pending_over(const std::string& member_id) {
    if (group_.pending().erase(member_id) != 0) pending_gone();
}

LeaveGroupResponse ClassicProtocol::leave(const LeaveGroupRequest& request) {
    LeaveGroupResponse answer;
    bool removed = false;
    for (const auto& one : request.members) {
        auto& told = answer.members.emplace_back();
        told.member_id = one.member_id;
        told.group_instance_id = one.group_instance_id;
        told.error_code = static_cast<std::int16_t>(leave_one(one.member_id, one.group_instance_id, removed));
    }
    if (removed) after_removal();
    return answer;
}

ErrorCode ClassicProtocol::leave_one(const std::string& member_id, const std::optional<std::string>& instance_id,
                                     bool& removed) {
    std::string leaving = member_id;
    if (instance_id) {
        const std::string* const holder = group_.static_member(*instance_id);
        if (!holder) return ErrorCode::unknown_member_id;
        // An operator names the instance alone.
        if (!member_id.empty() && member_id != *holder) return ErrorCode::fenced_instance_id;
        leaving = *holder;
    } else if (group_.pending().erase(member_id) != 0) {
        turn_.timers.cancel(timer(TimerKind::pending, member_id));
        pending_gone();
        return ErrorCode::none;
    }
    if (!group_.find(leaving)) return ErrorCode::unknown_member_id;
    remove(leaving, ErrorCode::unknown_member_id);
    removed = true;
    return ErrorCode::none;
}

void ClassicProtocol::remove(const std::string& member_id, ErrorCode to_waiting) {
    const ClassicMember gone = group_.remove(member_id);
    turn_.timers.cancel(timer(TimerKind::session, gone.id));
    if (gone.joining) refuse_join(*gone.joining, to_waiting, gone.id);
    if (gone.syncing) turn_.answer(*gone.syncing, failed<protocol::SyncGroupResponse>(to_waiting));
}

void ClassicProtocol::after_removal() {
    if (group_.is(ClassicState::empty)) return;
    if (can_rebalance()) {
        prepare_rebalance();
    } else if (!group_.is_gathering || group_.members().empty()) {
        complete_if_all_joined();
    }
}

// It was waited for, but had no part in anything yet.
void ClassicProtocol::pending_gone() {
    if (!group_.is_gathering) complete_if_all_joined();
}

}  // namespace ottla::broker::groups
