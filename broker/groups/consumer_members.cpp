// SPDX-License-Identifier: Apache-2.0
// ConsumerProtocol: who is alive, and who goes.
#include <algorithm>

#include <fmt/format.h>

#include "broker/groups/consumer_protocol.hpp"
#include "broker/groups/consumer_records.hpp"
#include "broker/groups/group_configs.hpp"
#include "broker/groups/topic_hash.hpp"

namespace ottla::broker::groups {

constexpr std::chrono::milliseconds fence_again_after{500};

ConsumerProtocol::Response ConsumerProtocol::refused(const Error& error) {
    auto response = failed<Response>(error.code());
    response.error_message = std::string(error.text());
    return response;
}

ConsumerProtocol::Response ConsumerProtocol::leave(const Request& request) {
    const ConsumerMember* const member =
        request.instance_id ? group_.static_member(*request.instance_id) : group_.find(request.member_id);
    if (!member) {
        return refused(Error::of(ErrorCode::unknown_member_id,
                                 fmt::format("Member '{}' is not in group '{}'.", request.member_id, group_.id())));
    }
    if (member->id != request.member_id) {
        return refused(Error::of(ErrorCode::fenced_instance_id,
                                 fmt::format("Instance '{}' of group '{}' is member '{}' by now, not '{}'.",
                                             *request.instance_id, group_.id(), member->id, request.member_id)));
    }
    Response response;
    response.member_id = member->id;
    response.member_epoch = request.member_epoch;
    if (request.member_epoch == leave_epoch) {
        fence({member});
        return response;
    }
    // It is expected back within its session's time, and keeps its partitions until then.
    ConsumerMember leaving = *member;
    leaving.position.epoch = static_leave_epoch;
    leaving.position.assigned = from_the_begin(std::move(leaving.position.assigned));
    leaving.position.pending_revocation.clear();
    turn_.write(position_record(group_.id(), leaving));
    return response;
}

// `again`: where the log takes nothing, this is tried again.
void ConsumerProtocol::fence(const std::vector<const ConsumerMember*>& members, std::optional<TimerKind> again) {
    std::vector<std::string> ids;
    std::map<std::string, std::size_t> regexes;
    for (const auto* const member : members) {
        tombstones_of(member->id);
        ids.push_back(member->id);
        if (!member->profile.regex.empty()) ++regexes[member->profile.regex];
    }
    for (const auto& [regex, users] : regexes) {
        if (group_.users_of(regex) == users) turn_.write(regex_tombstone(group_.id(), regex));
    }
    write_epoch(group_.next_epoch(), topics_hash(topics_without(members), image_));
    forget(std::move(ids), again);
}

ConsumerGroup::Names ConsumerProtocol::topics_without(const std::vector<const ConsumerMember*>& members) const {
    if (members.size() == 1) return group_.topics_with(members.front(), nullptr);
    ConsumerGroup rest = group_;
    for (const auto* const member : members) rest.apply(member_tombstone(group_.id(), member->id));
    for (const auto& [regex, resolved] : group_.regexes()) {
        if (rest.users_of(regex) == 0) rest.apply(regex_tombstone(group_.id(), regex));
    }
    return rest.topics_with(nullptr, nullptr);
}

// In this order, as Kafka reads them.
void ConsumerProtocol::tombstones_of(const std::string& member_id) {
    turn_.write(position_tombstone(group_.id(), member_id));
    turn_.write(target_tombstone(group_.id(), member_id));
    turn_.write(member_tombstone(group_.id(), member_id));
}

void ConsumerProtocol::delete_group() {
    for (const auto& [id, member] : group_.members()) tombstones_of(id);
    if (group_.has_target_epoch()) turn_.write(target_epoch_tombstone(group_.id()));
    for (const auto& [regex, resolved] : group_.regexes()) turn_.write(regex_tombstone(group_.id(), regex));
    if (group_.has_partition_metadata()) turn_.write(partition_metadata_tombstone(group_.id()));
    turn_.write(group_epoch_tombstone(group_.id()));
}

// --- time ---

void ConsumerProtocol::heard_of(const ConsumerMember& member) {
    const std::chrono::milliseconds session =
        member.is_classic()
            ? member.profile.classic->session_timeout
            : std::chrono::milliseconds(session_timeout_ms(image_, group_.id(), turn_.settings.consumer));
    turn_.timers.set(timer(TimerKind::session, member.id), turn_.after(session));
}

// Once it is written that they are out; until then they have their time.
void ConsumerProtocol::forget(std::vector<std::string> member_ids, std::optional<TimerKind> again) {
    turn_.decision.then = [group_id = group_.id(), ids = std::move(member_ids), again](Turn& turn, ErrorCode written) {
        for (const auto& id : ids) {
            if (written == ErrorCode::none) {
                for (const auto kind : {TimerKind::session, TimerKind::rebalance, TimerKind::join, TimerKind::sync})
                    turn.timers.cancel({group_id, kind, id});
            } else if (again) {
                turn.timers.set({group_id, *again, id}, turn.after(fence_again_after));
            }
        }
    };
}

void ConsumerProtocol::resume() {
    for (const auto& [id, member] : group_.members()) {
        heard_of(member);
        if (member.is_classic() || member.position.state != MemberState::unrevoked_partitions) continue;
        const std::chrono::milliseconds patience(std::max(member.profile.rebalance_timeout_ms, 0));
        turn_.timers.set(timer(TimerKind::rebalance, id), turn_.after(patience));
    }
}

void ConsumerProtocol::session_over(const std::string& member_id) {
    if (const ConsumerMember* const member = group_.find(member_id)) fence({member}, TimerKind::session);
}

void ConsumerProtocol::rebalance_over(const std::string& member_id) {
    const ConsumerMember* const member = group_.find(member_id);
    if (member && !member->is_classic() && member->position.state == MemberState::unrevoked_partitions)
        fence({member}, TimerKind::rebalance);
}

}  // namespace ottla::broker::groups
