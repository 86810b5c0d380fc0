// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_coordinator.hpp"

#include <algorithm>
#include <utility>

#include "broker/groups/consumer_protocol.hpp"

namespace ottla::broker::groups {
namespace {

using protocol::HeartbeatRequest;
using protocol::HeartbeatResponse;
using protocol::JoinGroupRequest;
using protocol::JoinGroupResponse;
using protocol::LeaveGroupRequest;
using protocol::LeaveGroupResponse;
using protocol::SyncGroupRequest;
using protocol::SyncGroupResponse;

}  // namespace

// --- steps ---

Turn GroupCoordinator::turn(Moment at, Decision& decision) {
    return Turn{at.now, at.wall_ms, settings_, timers_, random_, decision};
}

Decision GroupCoordinator::handle(Ticket ticket, const Caller& caller, const GroupRequest& request, Moment at) {
    Decision decision;
    Turn step = turn(at, decision);
    std::visit(
        [&](const auto& one) {
            on(step, ticket, caller, one);
            if constexpr (requires { one.group_id; }) {
                if (decision.records.empty()) {
                    drop_if_bare(one.group_id);
                } else {
                    put_due_first(one.group_id, decision);
                }
            }
        },
        request);
    return decision;
}

// What was refused before, so that the log does not tell of what came after it without it.
void GroupCoordinator::put_due_first(const std::string& group_id, Decision& decision) {
    const Group* const group = find(group_id);
    if (group && group->classic.due_record)
        decision.records.insert(decision.records.begin(), *group->classic.due_record);
}

Decision GroupCoordinator::appended(Decision& decision, ErrorCode written, Moment at) {
    Decision more;
    Turn step = turn(at, more);
    if (written == ErrorCode::none) {
        for (const auto& record : decision.records) take_effect(record);
    }
    if (decision.then) decision.then(step, written);
    if (written == ErrorCode::none && more.records.empty() && !decision.records.empty())
        downgrade_if_due(step, group_of(decision.records.front()));
    if (more.records.empty()) {
        for (const auto& record : decision.records) drop_if_bare(group_of(record));
    }
    return more;
}

std::optional<base::TimePoint> GroupCoordinator::next_due() const {
    const auto next = timers_.next();
    return next && next_clean_up_ ? std::min(*next, *next_clean_up_) : next ? next : next_clean_up_;
}

std::optional<Decision> GroupCoordinator::on_time(Moment at) {
    const auto due = timers_.take_due(at.now);
    if (!due) {
        if (!next_clean_up_ || *next_clean_up_ > at.now) return std::nullopt;
        return clean_up(at);
    }
    Decision decision;
    Group* const group = find(due->group_id);
    if (!group) return decision;
    Turn step = turn(at, decision);
    if (group->consumer) {
        on_consumer_time(step, *group, *due);
    } else {
        on_classic_time(step, group->classic, *due);
    }
    if (decision.records.empty()) drop_if_bare(due->group_id);
    return decision;
}

void GroupCoordinator::on_classic_time(Turn& step, ClassicGroup& group, const TimerKey& due) {
    ClassicProtocol classic(group, step);
    switch (due.kind) {
        case TimerKind::join: return classic.join_time_over();
        case TimerKind::sync: return classic.sync_time_over();
        case TimerKind::session: return classic.session_over(due.member_id);
        case TimerKind::pending: return classic.pending_over(due.member_id);
        case TimerKind::record: return classic.record_time_over();
        case TimerKind::regex:
        case TimerKind::rebalance: return;
    }
}

void GroupCoordinator::on_consumer_time(Turn& step, Group& group, const TimerKey& due) {
    if (due.kind == TimerKind::regex) return resolve_regexes(step, group);
    ConsumerProtocol consumer(*group.consumer, *image_, step);
    if (due.kind == TimerKind::session) consumer.session_over(due.member_id);
    if (due.kind == TimerKind::rebalance) consumer.rebalance_over(due.member_id);
    if (due.kind == TimerKind::join || due.kind == TimerKind::sync) consumer.classic_over(due.member_id, due.kind);
}

// --- groups ---

GroupCoordinator::Group* GroupCoordinator::find(std::string_view group_id) {
    const auto at = groups_.find(group_id);
    return at == groups_.end() ? nullptr : &at->second;
}

GroupCoordinator::Group& GroupCoordinator::find_or_make(const std::string& group_id) {
    return groups_.try_emplace(group_id, group_id).first->second;
}

void GroupCoordinator::drop_if_bare(const std::string& group_id) {
    const Group* const group = find(group_id);
    if (!group || group->is_recorded || group->consumer || group->classic.due_record || !group->offsets.empty()) return;
    if (!group->classic.is(ClassicState::empty) || !group->classic.pending().empty()) return;
    timers_.cancel_group(group_id);
    groups_.erase(group_id);
}

// --- records ---

// Of a record that was just written: what a classic group's says, its state says already.
void GroupCoordinator::take_effect(const GroupRecord& record) {
    if (apply_to_consumer(record)) return;
    if (const auto* offset = std::get_if<OffsetRecord>(&record)) {
        find_or_make(offset->key.group).offsets.apply(*offset, just_written);
    } else if (const auto* group = std::get_if<ClassicGroupRecord>(&record)) {
        Group* const known = find(group->key.group);
        if (known) known->is_recorded = group->value.has_value();
        if (known && group->value) known->classic.due_record.reset();
        if (known && !group->value) known->classic = ClassicGroup(group->key.group);
    }
}

void GroupCoordinator::replay(const GroupRecord& record, std::int64_t log_offset) {
    if (const auto* epoch = std::get_if<GroupEpochRecord>(&record); epoch && !epoch->value)
        left_behind_.insert_or_assign(epoch->key.group_id, false);
    if (apply_to_consumer(record)) return drop_if_bare(group_of(record));
    if (const auto* offset = std::get_if<OffsetRecord>(&record)) {
        if (offset->value || find(offset->key.group))
            find_or_make(offset->key.group).offsets.apply(*offset, log_offset);
    } else if (const auto* group = std::get_if<ClassicGroupRecord>(&record)) {
        if (Group* const known = group->value ? &find_or_make(group->key.group) : find(group->key.group)) {
            known->is_recorded = group->value.has_value();
            if (group->value) known->consumer.reset();
            known->classic = group->value ? ClassicGroup::from_record(group->key.group, *group->value)
                                          : ClassicGroup(group->key.group);
        }
        if (const auto at = left_behind_.find(group->key.group); at != left_behind_.end()) {
            // One that begins anew, in the place of one that was empty, begins with 1.
            if (group->value && !at->second && group->value->generation > 1)
                at->second = true;
            else
                left_behind_.erase(at);
        }
    }
    drop_if_bare(group_of(record));
}

void GroupCoordinator::replay_pending(std::int64_t producer_id, const GroupRecord& record, std::int64_t log_offset) {
    const auto* const offset = std::get_if<OffsetRecord>(&record);
    if (!offset) return;
    find_or_make(offset->key.group).offsets.apply_pending(producer_id, *offset, log_offset);
    in_transaction_[producer_id].insert(offset->key.group);
}

void GroupCoordinator::replay_marker(std::int64_t producer_id, bool committed) {
    const auto ended = in_transaction_.extract(producer_id);
    if (ended.empty()) return;
    for (const auto& group_id : ended.mapped()) {
        if (Group* const group = find(group_id)) group->offsets.end_transaction(producer_id, committed);
        drop_if_bare(group_id);
    }
}

Decision GroupCoordinator::loaded(Moment at) {
    Decision decision;
    Turn step = turn(at, decision);
    for (auto& [id, group] : groups_) {
        if (group.consumer) {
            ConsumerProtocol(*group.consumer, *image_, step).resume();
        } else if (const auto left = left_behind_.find(id);
                   left != left_behind_.end() && left->second && group.classic.is(ClassicState::stable)) {
            // What its last member of the consumer protocol had is nobody's yet.
            ClassicProtocol(group.classic, step).take_over();
        } else {
            ClassicProtocol(group.classic, step).resume();
        }
    }
    left_behind_.clear();
    end_clean_up(at);
    return decision;
}

// --- membership ---

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller& caller, const JoinGroupRequest& request) {
    ErrorCode wrong = ErrorCode::none;
    const std::int32_t session = request.session_timeout_ms;
    if (request.group_id.empty()) {
        wrong = ErrorCode::invalid_group_id;
    } else if (session < settings_.min_session_timeout_ms || session > settings_.max_session_timeout_ms) {
        wrong = ErrorCode::invalid_session_timeout;
    } else if (!request.member_id.empty() && !find(request.group_id)) {
        wrong = ErrorCode::unknown_member_id;
    }
    if (wrong != ErrorCode::none) {
        auto answer = failed<JoinGroupResponse>(wrong);
        answer.member_id = request.member_id;
        return step.answer(ticket, std::move(answer));
    }
    Group& group = find_or_make(request.group_id);
    if (!group.consumer) return ClassicProtocol(group.classic, step).join(ticket, caller, request);
    if (!group.has_members()) return join_as_classic(step, ticket, caller, request, group);
    ConsumerProtocol(*group.consumer, *image_, step).join_classic(ticket, caller, request);
}

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller&, const SyncGroupRequest& request) {
    Group* const group = find(request.group_id);
    if (group && group->consumer)
        return step.answer(ticket, ConsumerProtocol(*group->consumer, *image_, step).sync_classic(request));
    if (group) return ClassicProtocol(group->classic, step).sync(ticket, request);
    const auto wrong = request.group_id.empty() ? ErrorCode::invalid_group_id : ErrorCode::unknown_member_id;
    step.answer(ticket, failed<SyncGroupResponse>(wrong));
}

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller&, const HeartbeatRequest& request) {
    Group* const group = find(request.group_id);
    if (group && group->consumer) {
        const ErrorCode code = ConsumerProtocol(*group->consumer, *image_, step).heartbeat_classic(request);
        return step.answer(ticket, failed<HeartbeatResponse>(code));
    }
    const ErrorCode code = group                      ? ClassicProtocol(group->classic, step).heartbeat(request)
                           : request.group_id.empty() ? ErrorCode::invalid_group_id
                                                      : ErrorCode::unknown_member_id;
    step.answer(ticket, failed<HeartbeatResponse>(code));
}

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller&, const LeaveGroupRequest& request) {
    if (request.group_id.empty()) return step.answer(ticket, failed<LeaveGroupResponse>(ErrorCode::invalid_group_id));
    if (Group* const group = find(request.group_id)) {
        auto answer = group->consumer ? ConsumerProtocol(*group->consumer, *image_, step).leave_classic(request)
                                      : ClassicProtocol(group->classic, step).leave(request);
        return step.answer(ticket, std::move(answer));
    }
    LeaveGroupResponse answer;
    for (const auto& one : request.members) {
        auto& told = answer.members.emplace_back();
        told.member_id = one.member_id;
        told.group_instance_id = one.group_instance_id;
        told.error_code = static_cast<std::int16_t>(ErrorCode::unknown_member_id);
    }
    step.answer(ticket, std::move(answer));
}

}  // namespace ottla::broker::groups
