// SPDX-License-Identifier: Apache-2.0
// What the coordinator answers, and what the application has done, and where the membership goes from there.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/consumer/assignors/group_protocol.hpp"
#include "client/group/classic_membership.hpp"

namespace ottla::client {
namespace {

Error error_in(std::int16_t code) { return Error::of(static_cast<ErrorCode>(code)); }

template <class Response>
Error error_of(const Result<Response>& answer) {
    return answer ? error_in(answer->error_code) : answer.error();
}

}  // namespace

void ClassicMembership::lose() {
    handover_.lose();
    shared_.clear();
    leads_ = false;
}

void ClassicMembership::join_anew(TimePoint now) {
    request_ = 0;
    if (phase_ == Phase::leaving || phase_ == Phase::away || phase_ == Phase::fenced || phase_ == Phase::out) return;
    phase_ = Phase::unjoined;
    search_.soon(now);
}

void ClassicMembership::fence() {
    lose();
    identity_ = {};
    request_ = 0;
    phase_ = Phase::fenced;
    subscribed_ = false;
    reports_.tell(Error::of(ErrorCode::fenced_instance_id,
                            fmt::format("another member with group.instance.id '{}' has taken over; give every member "
                                        "its own, and make a new consumer",
                                        settings_.instance_id.value_or(std::string())))
                      .as_fatal());
}

bool ClassicMembership::on_error(const Error& error, TimePoint now) {
    switch (error.code()) {
        case ErrorCode::fenced_instance_id: fence(); return true;
        case ErrorCode::unknown_member_id:
            join_reason_ = "the coordinator did not know the member any more";
            lose();
            identity_ = {};
            join_anew(now);
            return true;
        case ErrorCode::illegal_generation:
            join_reason_ = "the group had gone on to another generation";
            lose();
            identity_.generation = -1;
            join_anew(now);
            return true;
        case ErrorCode::not_coordinator:
        case ErrorCode::coordinator_not_available: search_.lost(now); return true;
        default: return false;
    }
}

// A join or sync that failed: joining is begun again.
void ClassicMembership::refused(const Error& error, std::string_view during, TimePoint now) {
    const bool again = phase_ == Phase::joining || phase_ == Phase::syncing;
    if (on_error(error, now)) {
        if (again && phase_ != Phase::fenced) phase_ = Phase::unjoined;
        return;
    }
    if (again) phase_ = Phase::unjoined;
    if (error == ErrorCode::rebalance_in_progress) return search_.soon(now);
    if (error == ErrorCode::coordinator_load_in_progress) return search_.wait(now);
    if (!error.is_retriable()) {
        reports_.tell_once(error.with_context(during));
        return search_.wait(now);
    }
    search_.lost(now);
}

void ClassicMembership::on_answer(std::uint64_t call, MembershipAnswer answer, TimePoint now) {
    if (auto* found = std::get_if<CoordinatorFound>(&answer))
        on_coordinator(call, found->error, now);
    else if (auto* join = std::get_if<Result<protocol::JoinGroupResponse>>(&answer))
        on_join(call, std::move(*join), now);
    else if (auto* topics = std::get_if<Result<GroupTopics>>(&answer))
        on_topics(call, std::move(*topics), now);
    else if (auto* sync = std::get_if<Result<protocol::SyncGroupResponse>>(&answer))
        on_sync(call, std::move(*sync), now);
    else if (auto* heartbeat = std::get_if<Result<protocol::HeartbeatResponse>>(&answer))
        on_heartbeat(call, *heartbeat, now);
    else if (auto* described = std::get_if<Result<protocol::DescribeGroupsResponse>>(&answer))
        on_described(call, *described, now);
    else
        on_leave(call);
}

void ClassicMembership::on_coordinator(std::uint64_t call, const Error& error, TimePoint now) {
    if (!search_.end(call, error, now)) return;
    // A heartbeat tells at once whether it is one of the same mind.
    if (search_.is_known())
        last_heartbeat_ = std::min(last_heartbeat_, now - settings_.heartbeat_interval);
    else if (!error.is_retriable())
        reports_.tell_once(error.with_context("looking for the coordinator"));
}

void ClassicMembership::on_join(std::uint64_t call, Result<protocol::JoinGroupResponse> answer, TimePoint now) {
    if (call != request_) return;
    request_ = 0;
    // A join waits for the others, without heartbeats, and longer than a session perhaps: that was no silence, even if
    // the connection breaks in the end. One unanswered join after the other is.
    if (answer || !join_unanswered_) last_contact_ = now;
    join_unanswered_ = !answer;
    const auto error = error_of(answer);
    if (answer && error == ErrorCode::member_id_required && identity_.member_id != answer->member_id) {
        identity_.member_id = answer->member_id;
        phase_ = Phase::unjoined;
        search_.at_once(now);
        return;
    }
    if (error.code() != ErrorCode::none) return refused(error, "joining", now);
    assignor_ = offered(answer->protocol_name.value_or(std::string()));
    if (!assignor_ || answer->generation_id < 0)
        return refused(Error::of(ErrorCode::inconsistent_group_protocol,
                                 fmt::format("the coordinator chose the assignor '{}', which was not offered",
                                             answer->protocol_name.value_or(std::string()))),
                       "joining", now);
    identity_.member_id = answer->member_id;
    identity_.generation = answer->generation_id;
    last_heartbeat_ = now;
    heartbeat_ = 0;
    heartbeat_pace_ = first_pace();
    reports_.went_well();
    leads_ = answer->leader == answer->member_id;
    shared_.clear();
    members_.clear();
    assignments_.clear();
    phase_ = Phase::to_sync;
    search_.at_once(now);
    if (!leads_) return;
    take_members(*answer);
    // KIP-814: the group keeps its assignment, yet somebody must mind the topics.
    phase_ = Phase::sharing;
    skip_assignment_ = answer->skip_assignment;
}

// When partitions move cooperatively, the next generation comes as soon as they were given back, and heartbeats tell
// of it: at first they are more frequent.
base::Duration ClassicMembership::first_pace() const {
    constexpr base::Duration pace = std::chrono::milliseconds(100);
    return cooperative_ ? std::min(pace, settings_.heartbeat_interval) : settings_.heartbeat_interval;
}

void ClassicMembership::take_members(const protocol::JoinGroupResponse& answer) {
    for (const auto& from : answer.members) {
        auto read = read_subscription(*assignor_, from.metadata);
        // One who cannot be understood gets nothing, and the others do not suffer.
        GroupMember member = read ? std::move(*read) : GroupMember();
        member.id = from.member_id;
        member.instance_id = from.group_instance_id;
        members_.push_back(std::move(member));
    }
}

void ClassicMembership::share_out(GroupTopics topics, TimePoint now) {
    shared_ = std::move(topics);
    for (const auto& m : members_)
        for (const auto& topic : m.topics) shared_.try_emplace(topic);
    if (!skip_assignment_) {
        auto shared = shares();
        if (!shared) return refuse_assignment(shared.error(), now);
        assignments_ = std::move(*shared);
    }
    assignor_told_.clear();
    members_.clear();
    phase_ = Phase::to_sync;
}

void ClassicMembership::on_topics(std::uint64_t call, Result<GroupTopics> topics, TimePoint now) {
    if (call != request_) return;
    request_ = 0;
    if (topics) return share_out(std::move(*topics), now);
    if (!topics.error().is_retriable())
        reports_.tell_once(topics.error().with_context("the leader's look at the topics"));
    phase_ = Phase::sharing;
    search_.wait(now);
}

void ClassicMembership::on_sync(std::uint64_t call, Result<protocol::SyncGroupResponse> answer, TimePoint now) {
    if (call != request_) return;
    request_ = 0;
    if (answer) last_contact_ = now;
    const auto error = error_of(answer);
    if (error.code() != ErrorCode::none) return refused(error, "taking the assignment", now);
    Bytes user_data;
    auto assigned = read_assignment(answer->assignment, &user_data);
    if (!assigned) return refused(assigned.error(), "reading the assignment", now);
    search_.went_well();
    // The leader may have known an older subscription.
    std::erase_if(*assigned, [&](const auto& entry) { return !std::ranges::binary_search(topics_, entry.first); });
    tell_assignor(*assigned, std::move(user_data));
    expect_owners(now);
    hand_over(std::move(*assigned));
}

void ClassicMembership::hand_over(PartitionMap assigned) {
    auto taken = without(handover_.owned(), assigned);
    auto added = without(assigned, handover_.owned());
    held_ = std::move(assigned);
    held_generation_ = identity_.generation;
    if (!taken.empty()) {
        handover_.revoke(std::move(taken));
        rejoin_reason_ = "partitions were given back for others";
    }
    handover_.assign(std::move(added));
    phase_ = Phase::handing;
}

void ClassicMembership::on_heartbeat(std::uint64_t call, const Result<protocol::HeartbeatResponse>& answer,
                                     TimePoint now) {
    if (call != heartbeat_) return;
    heartbeat_ = 0;
    if (!heartbeats()) return;
    const auto error = error_of(answer);
    if (answer && (error.code() == ErrorCode::none || error == ErrorCode::rebalance_in_progress)) last_contact_ = now;
    if (error.code() == ErrorCode::none) return search_.went_well();
    if (on_error(error, now)) return;
    using enum Phase;
    if (error == ErrorCode::rebalance_in_progress) {
        // Those who give back are on their way to the join already.
        if (phase_ == giving_up || phase_ == leaving) return;
        if (phase_ == stable || phase_ == handing)
            rejoin_reason_ = "the group is sharing out anew";
        else
            join_anew(now);
    } else if (error == ErrorCode::coordinator_load_in_progress) {
        return;
    } else if (error.is_retriable()) {
        search_.lost(now);
    } else {
        reports_.tell_once(error.with_context("heartbeat"));
    }
}

void ClassicMembership::on_leave(std::uint64_t call) {
    if (call == request_) request_ = 0;
}

void ClassicMembership::on_rebalanced(std::uint64_t call, TimePoint) { handover_.done(call); }

bool ClassicMembership::on_commit_error(ErrorCode code, const MemberIdentity& who, TimePoint now) {
    const bool of_members = code == ErrorCode::illegal_generation || code == ErrorCode::unknown_member_id ||
                            code == ErrorCode::fenced_instance_id || code == ErrorCode::group_id_not_found;
    if (!of_members || who.generation < 0) return false;
    // If it is true all the same, the join or the next heartbeat is told so.
    if (who != identity_ || rejoins()) return true;
    // A group that has gone knows no members.
    on_error(Error::of(code == ErrorCode::group_id_not_found ? ErrorCode::unknown_member_id : code), now);
    return false;
}

}  // namespace ottla::client
