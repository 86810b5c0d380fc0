// SPDX-License-Identifier: Apache-2.0
// ClassicProtocol: from one generation to the next.
#include <algorithm>

#include "broker/groups/classic_protocol.hpp"

namespace ottla::broker::groups {

using protocol::SyncGroupRequest;
using protocol::SyncGroupResponse;
using std::chrono::milliseconds;

void ClassicProtocol::rebalance_or_complete() {
    if (can_rebalance()) {
        prepare_rebalance();
    } else if (!group_.is_gathering) {
        complete_if_all_joined();
    }
}

void ClassicProtocol::prepare_rebalance() {
    if (group_.is(ClassicState::completing_rebalance)) answer_syncs(ErrorCode::rebalance_in_progress);
    turn_.timers.cancel(timer(TimerKind::sync));
    group_.is_gathering = group_.is(ClassicState::empty);
    group_.become(ClassicState::preparing_rebalance, turn_.wall_ms);
    if (group_.is_gathering) {
        // More members may be about to come.
        const milliseconds delay(turn_.settings.initial_rebalance_delay_ms);
        group_.new_member_added = false;
        group_.gathering_left = std::max(group_.rebalance_timeout() - delay, milliseconds(0));
        turn_.timers.set(timer(TimerKind::join), turn_.after(delay));
        return;
    }
    turn_.timers.set(timer(TimerKind::join), turn_.after(group_.rebalance_timeout()));
    complete_if_all_joined();
}

void ClassicProtocol::complete_if_all_joined() {
    if (group_.is(ClassicState::preparing_rebalance) && group_.all_joined()) complete_join();
}

void ClassicProtocol::join_time_over() {
    if (!group_.is(ClassicState::preparing_rebalance)) return;
    if (group_.generation() == 0 && group_.new_member_added && group_.gathering_left > milliseconds(0)) {
        // Somebody came meanwhile: so once more, but never beyond the longest rebalance timeout.
        const milliseconds delay =
            std::min(milliseconds(turn_.settings.initial_rebalance_delay_ms), group_.gathering_left);
        group_.new_member_added = false;
        group_.gathering_left -= delay;
        turn_.timers.set(timer(TimerKind::join), turn_.after(delay));
        return;
    }
    complete_join();
}

void ClassicProtocol::complete_join() {
    turn_.timers.cancel(timer(TimerKind::join));
    group_.is_gathering = false;
    drop_absent();
    if (group_.members().empty() && group_.generation() == 0) {
        // There never was a generation that anybody knows of.
        return group_.become(ClassicState::empty, turn_.wall_ms);
    }
    if (!group_.members().empty() && !group_.elect_leader()) {
        // Static members alone, none of which came back: their sessions will end, or they come.
        const auto again = std::max(group_.rebalance_timeout(), milliseconds(look_again_ms));
        turn_.timers.set(timer(TimerKind::join), turn_.after(again));
        return;
    }
    begin_generation();
}

// Who did not join again is out, but for static members, who have their session's time.
void ClassicProtocol::drop_absent() {
    std::vector<std::string> absent;
    for (const auto& [id, member] : group_.members()) {
        if (!member.joining && !member.instance_id) absent.push_back(id);
    }
    for (const auto& id : absent) remove(id, ErrorCode::unknown_member_id);
}

void ClassicProtocol::begin_generation() {
    group_.begin_generation(turn_.wall_ms);
    if (group_.is(ClassicState::empty)) {
        // So that the generation is not given again, and offsets know since when nobody reads.
        return write_record(group_.record());
    }
    for (auto& [id, member] : group_.members()) {
        if (member.joining) {
            answer_join(*member.joining, member, group_.is_leader(id));
            member.joining.reset();
        }
        member.is_new = false;
        heard_of(member);
        group_.unsynced().insert(id);
    }
    turn_.timers.set(timer(TimerKind::sync), turn_.after(group_.rebalance_timeout()));
}

// What it says is so already, whatever becomes of it.
void ClassicProtocol::write_record(ClassicGroupRecord record) {
    turn_.write(record);
    turn_.decision.then = [&group = group_, record = std::move(record)](Turn& turn, ErrorCode written) {
        if (written == ErrorCode::none) return;
        group.due_record = record;
        turn.timers.set({group.id(), TimerKind::record, {}}, turn.after(milliseconds(look_again_ms)));
    };
}

void ClassicProtocol::record_time_over() {
    if (group_.due_record) write_record(*group_.due_record);
}

// --- the assignment ---

ErrorCode ClassicProtocol::check_sync(const SyncGroupRequest& request) const {
    const ErrorCode valid = group_.validate(request.member_id, request.group_instance_id);
    if (valid != ErrorCode::none) return valid;
    if (request.generation_id != group_.generation()) return ErrorCode::illegal_generation;
    if (request.protocol_type && *request.protocol_type != group_.protocol_type())
        return ErrorCode::inconsistent_group_protocol;
    if (request.protocol_name && request.protocol_name != group_.protocol_name())
        return ErrorCode::inconsistent_group_protocol;
    if (group_.is(ClassicState::preparing_rebalance)) return ErrorCode::rebalance_in_progress;
    return group_.is(ClassicState::empty) ? ErrorCode::unknown_member_id : ErrorCode::none;
}

void ClassicProtocol::sync(Ticket ticket, const SyncGroupRequest& request) {
    if (const ErrorCode wrong = check_sync(request); wrong != ErrorCode::none)
        return turn_.answer(ticket, failed<SyncGroupResponse>(wrong));
    ClassicMember& member = *group_.find(request.member_id);
    synced(member.id);
    if (group_.is(ClassicState::stable)) {
        heard_of(member);
        return answer_sync(ticket, member);
    }
    if (member.syncing) turn_.answer(*member.syncing, failed<SyncGroupResponse>(ErrorCode::rebalance_in_progress));
    member.syncing = ticket;
    if (group_.is_leader(member.id)) assign(request);
}

// In the log first: who has an assignment may commit, and a coordinator that comes after us must know the generation.
void ClassicProtocol::assign(const SyncGroupRequest& request) {
    for (auto& [id, member] : group_.members()) member.assignment = {};
    for (const auto& one : request.assignments) {
        if (auto* const member = group_.find(one.member_id)) member->assignment = Bytes::copy_of(one.assignment.span());
    }
    turn_.write(group_.record());
    turn_.decision.then = [&group = group_](Turn& turn, ErrorCode written) {
        ClassicProtocol protocol(group, turn);
        if (written == ErrorCode::none) return protocol.assigned();
        protocol.answer_syncs(written);
        protocol.prepare_rebalance();
    };
}

void ClassicProtocol::assigned() {
    group_.become(ClassicState::stable, turn_.wall_ms);
    for (auto& [id, member] : group_.members()) {
        if (member.syncing) answer_sync(*std::exchange(member.syncing, std::nullopt), member);
        heard_of(member);
    }
}

void ClassicProtocol::answer_sync(Ticket ticket, const ClassicMember& member) {
    SyncGroupResponse answer;
    answer.protocol_type = group_.protocol_type();
    answer.protocol_name = group_.protocol_name();
    answer.assignment = member.assignment;
    turn_.answer(ticket, std::move(answer));
}

// The assignment of this generation will not come.
void ClassicProtocol::answer_syncs(ErrorCode code) {
    for (auto& [id, member] : group_.members()) {
        member.assignment = {};
        if (member.syncing) turn_.answer(*std::exchange(member.syncing, std::nullopt), failed<SyncGroupResponse>(code));
        heard_of(member);
    }
}

void ClassicProtocol::synced(const std::string& member_id) {
    group_.unsynced().erase(member_id);
    if (group_.unsynced().empty()) turn_.timers.cancel(timer(TimerKind::sync));
}

void ClassicProtocol::sync_time_over() {
    if (group_.is(ClassicState::empty) || group_.is(ClassicState::preparing_rebalance)) return;
    const auto silent = std::exchange(group_.unsynced(), {});
    if (silent.empty()) return;
    for (const auto& id : silent) remove(id, ErrorCode::unknown_member_id);
    after_removal();
}

}  // namespace ottla::broker::groups
