// SPDX-License-Identifier: Apache-2.0
// ClassicProtocol: what one request, or one moment that has come, does to one classic group: joining and leaving
// (KIP-394, KIP-345, KIP-800, KIP-814), rebalances, heartbeats. Made for a single step.
//
//   Empty ──join──▶ PreparingRebalance ──all have joined, or the time is over──▶ CompletingRebalance
//                        ▲  ▲                                                          │
//                        │  └──── a member comes, goes, or changes ◀── Stable ◀────────┘ the leader's assignment
//                        └─────────────────────────────────────────────────────────────┘
#pragma once

#include <span>
#include <string>

#include <ottla/protocol/messages/heartbeat_request.hpp>
#include <ottla/protocol/messages/join_group_request.hpp>
#include <ottla/protocol/messages/leave_group_request.hpp>
#include <ottla/protocol/messages/sync_group_request.hpp>
#include "broker/groups/classic_group.hpp"

namespace ottla::broker::groups {

class ClassicProtocol {
public:
    // Both must outlive it.
    ClassicProtocol(ClassicGroup& group, Turn& turn) : group_(group), turn_(turn) {}

    // The answer comes when the generation is complete.
    void join(Ticket, const Caller&, const protocol::JoinGroupRequest&);
    // The answer comes when the leader's assignment is in the log.
    void sync(Ticket, const protocol::SyncGroupRequest&);
    ErrorCode heartbeat(const protocol::HeartbeatRequest&);
    protocol::LeaveGroupResponse leave(const protocol::LeaveGroupRequest&);
    // A member has committed offsets.
    void committed_by(const std::string& member_id);
    // The group was read from the log: its members have a session's time to be heard of.
    void resume();

    // The group was one of the consumer protocol until now: all are to join again.
    void take_over();

    // --- moments ---
    void join_time_over();
    void sync_time_over();
    void session_over(const std::string& member_id);
    void pending_over(const std::string& member_id);
    void record_time_over();

private:
    // --- joining ---
    struct Joining;
    bool has_room_for(std::string_view member_id) const;
    void refuse_for_room(Ticket, const std::string& member_id);
    void join_new(Joining&);
    void join_known(Joining&);
    void give_id(const Joining&, std::string new_id);
    void add(Joining&, std::string id);
    void update(Joining&, ClassicMember&);
    void replace_static(Joining&, const std::string& old_id, const std::string& new_id);
    void keep_static(const Joining&, ClassicGroup next, const std::string& new_id);
    void refuse_join(Ticket, ErrorCode, std::string member_id);
    void answer_join(Ticket, const ClassicMember&, bool with_members, bool skip_assignment = false);
    std::string new_member_id(const Caller&, const std::optional<std::string>& instance_id);

    // --- rebalancing ---
    bool can_rebalance() const noexcept { return !group_.is(ClassicState::preparing_rebalance); }
    void rebalance_or_complete();
    void prepare_rebalance();
    void complete_if_all_joined();
    void complete_join();
    void drop_absent();
    void begin_generation();
    void write_record(ClassicGroupRecord);
    void assign(const protocol::SyncGroupRequest&);
    void assigned();
    void answer_syncs(ErrorCode);
    void answer_sync(Ticket, const ClassicMember&);
    ErrorCode check_sync(const protocol::SyncGroupRequest&) const;
    void synced(const std::string& member_id);

    // --- leaving ---
    ErrorCode leave_one(const std::string& member_id, const std::optional<std::string>& instance_id, bool& removed);
    // What it waits for is answered.
    void remove(const std::string& member_id, ErrorCode to_waiting);
    void after_removal();
    void pending_gone();
    // It is alive: its session begins anew.
    void heard_of(const ClassicMember&);

    TimerKey timer(TimerKind kind, std::string member_id = {}) const {
        return {group_.id(), kind, std::move(member_id)};
    }

    ClassicGroup& group_;
    Turn& turn_;
};

}  // namespace ottla::broker::groups
