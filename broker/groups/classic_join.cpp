// SPDX-License-Identifier: Apache-2.0
// ClassicProtocol: joining.
#include <algorithm>

#include <fmt/format.h>

#include "broker/groups/classic_protocol.hpp"

namespace ottla::broker::groups {
namespace {

using protocol::JoinGroupRequest;
using protocol::JoinGroupResponse;
using std::chrono::milliseconds;

constexpr std::int16_t id_required_from = 4;       // KIP-394
constexpr std::int16_t skips_assignment_from = 9;  // KIP-814

// As Java shows a UUID.
std::string dashed(const Uuid& id) {
    std::string text;
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        fmt::format_to(std::back_inserter(text), "{:02x}", id.bytes[i]);
    }
    return text;
}

milliseconds rebalance_timeout_of(const JoinGroupRequest& request) {
    // Version 0 has none.
    return milliseconds(request.rebalance_timeout_ms < 0 ? request.session_timeout_ms : request.rebalance_timeout_ms);
}

std::size_t protocol_bytes(const JoinGroupRequest& request) {
    std::size_t bytes = 0;
    for (const auto& one : request.protocols) bytes += one.name.size() + one.metadata.size();
    return bytes;
}

}  // namespace

// A JoinGroup on its way through.
struct ClassicProtocol::Joining {
    Ticket ticket;
    const Caller& caller;
    const JoinGroupRequest& request;
    std::vector<MemberProtocol> protocols;

    // What it says of its member, whoever that is.
    void tell(ClassicMember& member) {
        member.session_timeout = milliseconds(request.session_timeout_ms);
        member.rebalance_timeout = rebalance_timeout_of(request);
        member.protocols = std::move(protocols);
    }
    void tell_client(ClassicMember& member) const {
        member.client_id = caller.client_id;
        member.client_host = caller.client_host;
    }
};

void ClassicProtocol::join(Ticket ticket, const Caller& caller, const JoinGroupRequest& request) {
    if (!has_room_for(request.member_id)) return refuse_for_room(ticket, request.member_id);
    if (request.protocols.size() > member_protocols_max || protocol_bytes(request) > member_protocol_bytes_max)
        return refuse_join(ticket, ErrorCode::invalid_request, request.member_id);
    Joining joining{ticket, caller, request, protocols_of(request)};
    if (!group_.supports(request.protocol_type, joining.protocols))
        return refuse_join(ticket, ErrorCode::inconsistent_group_protocol, request.member_id);
    if (request.member_id.empty()) {
        join_new(joining);
    } else {
        join_known(joining);
    }
    if (!group_.is_gathering) complete_if_all_joined();
}

// Nobody waits for who has no room.
void ClassicProtocol::refuse_for_room(Ticket ticket, const std::string& member_id) {
    refuse_join(ticket, ErrorCode::group_max_size_reached, {});
    if (!group_.find(member_id)) return;
    remove(member_id, ErrorCode::group_max_size_reached);
    after_removal();
}

bool ClassicProtocol::has_room_for(std::string_view member_id) const {
    const auto room = static_cast<std::size_t>(turn_.settings.max_size);
    const ClassicMember* const member = group_.find(member_id);
    switch (group_.state()) {
        case ClassicState::empty: return true;
        case ClassicState::preparing_rebalance:
            // Where not all have room, those who are first to come back stay.
            return (member && member->joining) || group_.joining_count() < room;
        case ClassicState::completing_rebalance:
        case ClassicState::stable: break;
    }
    return member || group_.members().size() < room;
}

void ClassicProtocol::join_new(Joining& joining) {
    const auto& instance_id = joining.request.group_instance_id;
    std::string new_id = new_member_id(joining.caller, instance_id);
    if (instance_id) {
        const std::string* const holder = group_.static_member(*instance_id);
        if (!holder) return add(joining, std::move(new_id));
        const std::string old_id = *holder;
        return replace_static(joining, old_id, new_id);
    }
    if (joining.caller.version >= id_required_from) return give_id(joining, std::move(new_id));
    add(joining, std::move(new_id));
}

// Only who comes back with the id counts as a member: so a client whose requests time out leaves no ghosts.
void ClassicProtocol::give_id(const Joining& joining, std::string new_id) {
    if (group_.pending().size() >= pending_members_max)
        return refuse_join(joining.ticket, ErrorCode::group_max_size_reached, {});
    group_.pending().insert(new_id);
    const milliseconds patience(joining.request.session_timeout_ms);
    turn_.timers.set(timer(TimerKind::pending, new_id), turn_.after(patience));
    refuse_join(joining.ticket, ErrorCode::member_id_required, std::move(new_id));
}

void ClassicProtocol::join_known(Joining& joining) {
    const auto& [ticket, caller, request, protocols] = joining;
    if (group_.pending().contains(request.member_id)) {
        // Such an id is given only to who has no instance's name.
        if (request.group_instance_id) return refuse_join(ticket, ErrorCode::unknown_member_id, request.member_id);
        turn_.timers.cancel(timer(TimerKind::pending, request.member_id));
        return add(joining, request.member_id);
    }
    const ErrorCode valid = group_.validate(request.member_id, request.group_instance_id);
    if (valid != ErrorCode::none) return refuse_join(ticket, valid, request.member_id);
    ClassicMember& member = *group_.find(request.member_id);
    const bool is_same = member.protocols == protocols;
    const bool leads = group_.is_leader(member.id);
    // Its answer may have been lost: it is told again.
    if (group_.is(ClassicState::completing_rebalance) && is_same) return answer_join(ticket, member, leads);
    // A leader that joins wants the partitions dealt anew.
    if (group_.is(ClassicState::stable) && is_same && !leads) return answer_join(ticket, member, false);
    update(joining, member);
    rebalance_or_complete();
}

void ClassicProtocol::add(Joining& joining, std::string id) {
    ClassicMember member;
    member.id = std::move(id);
    member.instance_id = joining.request.group_instance_id;
    joining.tell_client(member);
    joining.tell(member);
    member.joining = joining.ticket;
    if (group_.is(ClassicState::preparing_rebalance) && group_.generation() == 0) group_.new_member_added = true;
    const ClassicMember& added = group_.add(std::move(member), joining.request.protocol_type);
    // It cannot send heartbeats, and nobody tells us when its connection ends.
    turn_.timers.set(timer(TimerKind::session, added.id), turn_.after(milliseconds(new_member_join_timeout_ms)));
    rebalance_or_complete();
}

void ClassicProtocol::update(Joining& joining, ClassicMember& member) {
    if (member.joining) refuse_join(*member.joining, ErrorCode::rebalance_in_progress, member.id);
    joining.tell(member);
    member.joining = joining.ticket;
}

// A static member comes back, as a new process: who had its name before is out, its assignment stays.
void ClassicProtocol::replace_static(Joining& joining, const std::string& old_id, const std::string& new_id) {
    ClassicGroup next = group_;
    ClassicMember& member = next.rename(old_id, new_id);
    joining.tell_client(member);
    joining.tell(member);
    if (group_.is(ClassicState::stable) && next.choose_protocol() == group_.protocol_name())
        return keep_static(joining, std::move(next), new_id);

    const ClassicMember& old = *group_.find(old_id);
    if (old.joining) refuse_join(*old.joining, ErrorCode::fenced_instance_id, old_id);
    if (old.syncing) turn_.answer(*old.syncing, failed<protocol::SyncGroupResponse>(ErrorCode::fenced_instance_id));
    turn_.timers.cancel(timer(TimerKind::session, old_id));
    member.joining = joining.ticket;
    member.syncing.reset();
    group_ = std::move(next);
    heard_of(*group_.find(new_id));
    // The leader may be dealing to the old id: then the new one would get nothing.
    rebalance_or_complete();
}

// No rebalance: the generation goes on, once the new id is in the log.
void ClassicProtocol::keep_static(const Joining& joining, ClassicGroup next, const std::string& new_id) {
    const std::string old_leader = group_.leader();
    turn_.write(next.record());
    turn_.decision.then = [&group = group_, next = std::move(next), ticket = joining.ticket, new_id, old_leader,
                           version = joining.caller.version](Turn& turn, ErrorCode written) mutable {
        ClassicProtocol protocol(group, turn);
        if (written != ErrorCode::none) return protocol.refuse_join(ticket, written, new_id);
        const std::string& instance = *next.find(new_id)->instance_id;
        turn.timers.cancel(protocol.timer(TimerKind::session, *group.static_member(instance)));
        group = std::move(next);
        const ClassicMember& member = *group.find(new_id);
        protocol.heard_of(member);
        const bool leads = group.is_leader(new_id);
        if (version >= skips_assignment_from) return protocol.answer_join(ticket, member, leads, leads);
        // Older clients would begin to deal when they find themselves the leader: they are told the id before.
        protocol.answer_join(ticket, member, false);
        std::get<JoinGroupResponse>(turn.decision.replies.back().answer).leader = old_leader;
    };
}

void ClassicProtocol::refuse_join(Ticket ticket, ErrorCode code, std::string member_id) {
    auto answer = failed<JoinGroupResponse>(code);
    answer.member_id = std::move(member_id);
    turn_.answer(ticket, std::move(answer));
}

void ClassicProtocol::answer_join(Ticket ticket, const ClassicMember& member, bool with_members, bool skip_assignment) {
    JoinGroupResponse answer;
    answer.generation_id = group_.generation();
    answer.protocol_type = group_.protocol_type();
    answer.protocol_name = group_.protocol_name();
    answer.leader = group_.leader();
    answer.skip_assignment = skip_assignment;
    answer.member_id = member.id;
    if (with_members) answer.members = group_.joined_members();
    turn_.answer(ticket, std::move(answer));
}

std::string ClassicProtocol::new_member_id(const Caller& caller, const std::optional<std::string>& instance_id) {
    return fmt::format("{}-{}", instance_id.value_or(caller.client_id), dashed(turn_.random.uuid()));
}

}  // namespace ottla::broker::groups
