// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/broker/groups/group_script.hpp"

namespace ottla::broker::groups {
namespace {

ErrorCode sync_code(GroupScript& s, Ticket ticket) { return code_of(s.answer<SyncGroupResponse>(ticket).error_code); }

TEST(ClassicRebalance, the_leaders_assignment_reaches_everybody_once_it_is_written) {
    GroupScript s;
    const auto a = s.new_id(), b = s.new_id();
    const auto join_a = s.start_join(GroupScript::join(a));
    s.start_join(GroupScript::join(b));
    s.pass(0ms);
    const auto leader = s.answer<JoinGroupResponse>(join_a).leader;
    const auto follower = leader == a ? b : a;
    const auto waiting = s.send(GroupScript::sync(follower, 1));
    EXPECT_TRUE(s.waits(waiting));
    EXPECT_TRUE(s.log().empty());
    const auto led = s.send(GroupScript::sync(leader, 1, {{a, "for a"}, {b, "for b"}, {"nobody", "x"}}));
    EXPECT_EQ(s.answer<SyncGroupResponse>(led).assignment.text(), leader == a ? "for a" : "for b");
    EXPECT_EQ(s.answer<SyncGroupResponse>(waiting).assignment.text(), leader == a ? "for b" : "for a");
    EXPECT_EQ(s.answer<SyncGroupResponse>(led).protocol_name, "range");
    ASSERT_EQ(s.log().size(), 1U);
    const auto& record = std::get<ClassicGroupRecord>(s.log()[0]);
    EXPECT_EQ(record.value->generation, 1);
    EXPECT_EQ(record.value->members.size(), 2U);
    // It may ask again.
    EXPECT_EQ(s.ask<SyncGroupResponse>(GroupScript::sync(follower, 1)).assignment.text(),
              leader == a ? "for b" : "for a");
}

TEST(ClassicRebalance, sync_must_fit_the_group) {
    GroupScript s;
    const auto ids = s.stable(1);
    const auto refused = [&](auto change) {
        auto request = GroupScript::sync(ids[0], 1);
        change(request);
        return code_of(s.ask<SyncGroupResponse>(request).error_code);
    };
    EXPECT_EQ(refused([](auto&) {}), ErrorCode::none);
    EXPECT_EQ(refused([](auto& r) { r.group_id.clear(); }), ErrorCode::invalid_group_id);
    EXPECT_EQ(refused([](auto& r) { r.group_id = "other"; }), ErrorCode::unknown_member_id);
    EXPECT_EQ(refused([](auto& r) { r.member_id = "other"; }), ErrorCode::unknown_member_id);
    EXPECT_EQ(refused([](auto& r) { r.generation_id = 2; }), ErrorCode::illegal_generation);
    EXPECT_EQ(refused([](auto& r) { r.protocol_type = "connect"; }), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(refused([](auto& r) { r.protocol_name = "sticky"; }), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(refused([](auto& r) { r.group_instance_id = "i"; }), ErrorCode::unknown_member_id);
}

TEST(ClassicRebalance, when_the_assignment_cannot_be_written_all_join_again) {
    GroupScript s;
    const auto a = s.new_id(), b = s.new_id();
    const auto join_a = s.start_join(GroupScript::join(a));
    s.start_join(GroupScript::join(b));
    s.pass(0ms);
    const auto leader = s.answer<JoinGroupResponse>(join_a).leader;
    const auto follower = leader == a ? b : a;
    const auto waiting = s.send(GroupScript::sync(follower, 1));
    s.fail_next_append(ErrorCode::not_coordinator);
    const auto led = s.send(GroupScript::sync(leader, 1, {{a, "for a"}}));
    EXPECT_EQ(sync_code(s, led), ErrorCode::not_coordinator);
    EXPECT_EQ(sync_code(s, waiting), ErrorCode::not_coordinator);
    EXPECT_EQ(s.heartbeat(follower, 1), ErrorCode::rebalance_in_progress);
}

TEST(ClassicRebalance, a_member_that_comes_stirs_the_others_up) {
    GroupScript s;
    const auto ids = s.stable(2);
    const auto third = s.new_id();
    EXPECT_EQ(s.heartbeat(ids[0], 1), ErrorCode::none);  // it is not in yet
    const auto joining = s.send(GroupScript::join(third));
    EXPECT_EQ(s.heartbeat(ids[0], 1), ErrorCode::rebalance_in_progress);
    EXPECT_EQ(code_of(s.ask<SyncGroupResponse>(GroupScript::sync(ids[0], 1)).error_code),
              ErrorCode::rebalance_in_progress);
    s.send(GroupScript::join(ids[0]));
    EXPECT_TRUE(s.waits(joining));
    s.send(GroupScript::join(ids[1]));
    EXPECT_EQ(s.answer<JoinGroupResponse>(joining).generation_id, 2);
    EXPECT_EQ(s.heartbeat(ids[0], 1), ErrorCode::illegal_generation);
    EXPECT_EQ(s.heartbeat(ids[0], 2), ErrorCode::none);
}

TEST(ClassicRebalance, who_does_not_join_in_time_is_out) {
    GroupScript s;
    const auto ids = s.stable(2);
    const auto joining = s.send(GroupScript::join(ids[0]));
    for (int i = 0; i < 12; ++i) {
        EXPECT_TRUE(s.waits(joining));
        s.heartbeat(ids[1], 1);
        s.pass(5s);
    }
    EXPECT_EQ(s.answer<JoinGroupResponse>(joining).members.size(), 1U);
    EXPECT_EQ(s.heartbeat(ids[1], 1), ErrorCode::unknown_member_id);
}

TEST(ClassicRebalance, who_is_not_heard_of_is_out) {
    GroupScript s;
    const auto ids = s.stable(2);
    s.pass(9s);
    EXPECT_EQ(s.heartbeat(ids[0], 1), ErrorCode::none);
    s.pass(1s);
    EXPECT_EQ(s.heartbeat(ids[1], 1), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.heartbeat(ids[0], 1), ErrorCode::rebalance_in_progress);
    EXPECT_EQ(s.ask<JoinGroupResponse>(GroupScript::join(ids[0])).generation_id, 2);
}

TEST(ClassicRebalance, who_waits_for_us_need_not_be_heard_of) {
    GroupScript s;
    const auto ids = s.stable(2);
    const auto joining = s.send(GroupScript::join(ids[0]));
    for (int i = 0; i < 5; ++i) {
        s.pass(9s);
        s.heartbeat(ids[1], 1);
    }
    EXPECT_TRUE(s.waits(joining));
    s.send(GroupScript::join(ids[1]));
    EXPECT_EQ(s.answer<JoinGroupResponse>(joining).generation_id, 2);
    EXPECT_EQ(s.heartbeat(ids[0], 2), ErrorCode::none);
}

TEST(ClassicRebalance, a_leader_that_deals_nothing_is_out_in_the_end) {
    GroupScript s;
    const auto a = s.new_id(), b = s.new_id();
    const auto join_a = s.start_join(GroupScript::join(a));
    s.start_join(GroupScript::join(b));
    s.pass(0ms);
    const auto leader = s.answer<JoinGroupResponse>(join_a).leader;
    const auto follower = leader == a ? b : a;
    const auto waiting = s.send(GroupScript::sync(follower, 1));
    for (int i = 0; i < 6; ++i) {
        s.pass(9s);
        EXPECT_EQ(s.heartbeat(leader, 1), ErrorCode::none);
    }
    s.pass(6s);
    EXPECT_EQ(sync_code(s, waiting), ErrorCode::rebalance_in_progress);
    EXPECT_EQ(s.heartbeat(leader, 1), ErrorCode::unknown_member_id);
}

TEST(ClassicRebalance, the_last_one_that_leaves_empties_the_group) {
    GroupScript s;
    const auto ids = s.stable(2);
    EXPECT_EQ(s.leave(ids[0]), ErrorCode::none);
    EXPECT_EQ(s.heartbeat(ids[1], 1), ErrorCode::rebalance_in_progress);
    EXPECT_EQ(s.leave(ids[1]), ErrorCode::none);
    const auto& record = std::get<ClassicGroupRecord>(s.log().back());
    EXPECT_EQ(record.value->generation, 2);
    EXPECT_TRUE(record.value->members.empty());
    EXPECT_FALSE(record.value->leader);
    EXPECT_EQ(record.value->protocol_type, "consumer");
    EXPECT_TRUE(s.nothing_is_due());
    // The next one does not wait for others, nor is any generation given twice.
    const auto id = s.new_id();
    EXPECT_EQ(s.ask<JoinGroupResponse>(GroupScript::join(id)).generation_id, 3);
}

TEST(ClassicRebalance, several_leave_at_once) {
    GroupScript s;
    const auto ids = s.stable(3);
    LeaveGroupRequest request;
    request.group_id = "g";
    for (const auto& id : {ids[0], std::string("nobody"), ids[2]}) request.members.emplace_back().member_id = id;
    const auto answer = s.ask<LeaveGroupResponse>(request);
    EXPECT_EQ(answer.members.at(0).error_code, 0);
    EXPECT_EQ(code_of(answer.members.at(1).error_code), ErrorCode::unknown_member_id);
    EXPECT_EQ(answer.members.at(2).error_code, 0);
    EXPECT_EQ(s.ask<JoinGroupResponse>(GroupScript::join(ids[1])).members.size(), 1U);
    request.group_id = "other";
    EXPECT_EQ(code_of(s.ask<LeaveGroupResponse>(request).members.at(0).error_code), ErrorCode::unknown_member_id);
    request.group_id.clear();
    EXPECT_EQ(code_of(s.ask<LeaveGroupResponse>(request).error_code), ErrorCode::invalid_group_id);
}

TEST(ClassicRebalance, who_leaves_while_waiting_gets_its_answer) {
    GroupScript s;
    const auto ids = s.stable(2);
    const auto joining = s.send(GroupScript::join(ids[0]));
    s.leave(ids[0]);
    EXPECT_EQ(code_of(s.answer<JoinGroupResponse>(joining).error_code), ErrorCode::unknown_member_id);
}

TEST(ClassicRebalance, a_coordinator_that_comes_after_goes_on_with_the_generation) {
    GroupScript s;
    const auto ids = s.stable(2);
    s.restart();
    EXPECT_EQ(s.heartbeat(ids[0], 1), ErrorCode::none);
    EXPECT_EQ(s.ask<SyncGroupResponse>(GroupScript::sync(ids[1], 1)).assignment.text(), "for " + ids[1]);
    EXPECT_EQ(s.commit(5, ids[0], 1), ErrorCode::none);
    s.pass(9s);
    s.heartbeat(ids[0], 1);
    s.pass(2s);
    EXPECT_EQ(s.heartbeat(ids[1], 1), ErrorCode::unknown_member_id);
}

TEST(ClassicRebalance, heartbeats_must_fit_the_group) {
    GroupScript s;
    const auto ids = s.stable(1);
    EXPECT_EQ(s.heartbeat(ids[0], 0), ErrorCode::illegal_generation);
    EXPECT_EQ(s.heartbeat("nobody", 1), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.heartbeat(ids[0], 1, "instance"), ErrorCode::unknown_member_id);
    HeartbeatRequest request;
    EXPECT_EQ(code_of(s.ask<protocol::HeartbeatResponse>(request).error_code), ErrorCode::invalid_group_id);
}

// Else a broker that comes after this one takes the member for one of the group, and its late commits for good ones.
TEST(ClassicRebalance, that_the_last_one_has_left_is_written_before_anything_else_once_the_log_takes_it) {
    GroupScript s;
    const auto id = s.stable(1)[0];
    s.fail_next_append(ErrorCode::not_coordinator);
    s.leave(id);
    EXPECT_EQ(s.commit(7), ErrorCode::none);
    s.restart();
    EXPECT_EQ(s.commit(8, id, 1), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.committed(), 7);
}

TEST(ClassicRebalance, that_the_last_one_has_left_is_written_by_itself_in_the_end) {
    GroupScript s;
    const auto id = s.stable(1)[0];
    s.fail_next_append(ErrorCode::not_coordinator);
    s.leave(id);
    const auto logged = s.log().size();
    s.pass(1s);
    ASSERT_EQ(s.log().size(), logged + 1);
    EXPECT_TRUE(std::get<ClassicGroupRecord>(s.log().back()).value->members.empty());
    s.pass(1min);
    EXPECT_EQ(s.log().size(), logged + 1);
}

}  // namespace
}  // namespace ottla::broker::groups
