// SPDX-License-Identifier: Apache-2.0
// Static members: KIP-345, KIP-814.
#include <gmock/gmock.h>

#include "tests/broker/groups/group_script.hpp"

namespace ottla::broker::groups {
namespace {

class StaticMembers : public testing::Test {
protected:
    // Two of them, in the first generation; the first one leads.
    void SetUp() override {
        const auto join_a = s.start_join(GroupScript::join_static("a"));
        const auto join_b = s.start_join(GroupScript::join_static("b"));
        s.pass(0ms);
        a = s.answer<JoinGroupResponse>(join_a).member_id;
        b = s.answer<JoinGroupResponse>(join_b).member_id;
        ASSERT_EQ(s.answer<JoinGroupResponse>(join_a).leader, a);
        s.send(GroupScript::sync(b, 1));
        s.send(GroupScript::sync(a, 1, {{a, "for a"}, {b, "for b"}}));
    }

    GroupScript s;
    std::string a, b;
};

TEST_F(StaticMembers, need_not_be_given_an_id_first) {
    EXPECT_THAT(a, testing::StartsWith("a-"));
    EXPECT_THAT(b, testing::StartsWith("b-"));
}

TEST_F(StaticMembers, come_back_without_a_rebalance) {
    const auto back = s.ask<JoinGroupResponse>(GroupScript::join_static("b"));
    EXPECT_EQ(back.error_code, 0);
    EXPECT_EQ(back.generation_id, 1);
    EXPECT_NE(back.member_id, b);
    EXPECT_EQ(back.leader, a);
    EXPECT_FALSE(back.skip_assignment);
    EXPECT_EQ(s.ask<SyncGroupResponse>(GroupScript::sync(back.member_id, 1)).assignment.text(), "for b");
    // Who had its name before is out.
    EXPECT_EQ(s.heartbeat(b, 1, "b"), ErrorCode::fenced_instance_id);
    EXPECT_EQ(s.heartbeat(b, 1), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.heartbeat(a, 1, "a"), ErrorCode::none);
    s.restart();
    EXPECT_EQ(s.heartbeat(back.member_id, 1, "b"), ErrorCode::none);
}

TEST_F(StaticMembers, a_leader_that_comes_back_is_told_not_to_deal) {
    const auto back = s.ask<JoinGroupResponse>(GroupScript::join_static("a"), 9);
    EXPECT_EQ(back.leader, back.member_id);
    EXPECT_TRUE(back.skip_assignment);
    EXPECT_EQ(back.members.size(), 2U);
}

TEST_F(StaticMembers, an_older_leader_that_comes_back_does_not_find_itself_the_leader) {
    const auto back = s.ask<JoinGroupResponse>(GroupScript::join_static("a"), 8);
    EXPECT_EQ(back.leader, a);
    EXPECT_NE(back.member_id, a);
    EXPECT_FALSE(back.skip_assignment);
    EXPECT_TRUE(back.members.empty());
    EXPECT_EQ(s.ask<SyncGroupResponse>(GroupScript::sync(back.member_id, 1)).assignment.text(), "for a");
}

TEST_F(StaticMembers, nothing_has_changed_when_the_new_id_cannot_be_written) {
    s.fail_next_append(ErrorCode::coordinator_not_available);
    const auto back = s.ask<JoinGroupResponse>(GroupScript::join_static("b"));
    EXPECT_EQ(code_of(back.error_code), ErrorCode::coordinator_not_available);
    EXPECT_EQ(s.heartbeat(b, 1, "b"), ErrorCode::none);
}

TEST_F(StaticMembers, come_back_with_a_rebalance_when_the_protocol_changes) {
    auto request = GroupScript::join_static("b");
    request.protocols[0].name = "sticky";
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(request).error_code), ErrorCode::inconsistent_group_protocol);
    request = GroupScript::join_static("b");
    request.protocols.insert(request.protocols.begin(), request.protocols[0]);
    request.protocols[0].name = "sticky";
    const auto both = s.ask<JoinGroupResponse>(request);  // the other one knows range alone
    EXPECT_EQ(both.generation_id, 1);
    EXPECT_EQ(both.error_code, 0);
}

TEST_F(StaticMembers, coming_back_while_the_leader_deals_begins_anew) {
    const auto leader = s.send(GroupScript::join_static("a", a));
    const auto follower = s.send(GroupScript::join_static("b", b));
    ASSERT_EQ(s.answer<JoinGroupResponse>(leader).generation_id, 2);
    ASSERT_FALSE(s.waits(follower));
    const auto syncing = s.send(GroupScript::sync(b, 2));
    const auto back = s.send(GroupScript::join_static("b"));
    EXPECT_EQ(code_of(s.answer<SyncGroupResponse>(syncing).error_code), ErrorCode::fenced_instance_id);
    EXPECT_TRUE(s.waits(back));
    const auto again = s.send(GroupScript::join_static("a", a));
    EXPECT_EQ(s.answer<JoinGroupResponse>(again).generation_id, 3);
    EXPECT_EQ(s.answer<JoinGroupResponse>(back).generation_id, 3);
}

TEST_F(StaticMembers, of_two_with_one_name_that_join_the_older_is_out) {
    const auto older = s.send(GroupScript::join_static("a", a));
    const auto newer = s.send(GroupScript::join_static("a"));
    EXPECT_EQ(code_of(s.answer<JoinGroupResponse>(older).error_code), ErrorCode::fenced_instance_id);
    EXPECT_TRUE(s.waits(newer));
}

TEST_F(StaticMembers, a_wrong_id_under_a_known_name_is_fenced) {
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(GroupScript::join_static("a", "old")).error_code),
              ErrorCode::fenced_instance_id);
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(GroupScript::join_static("c", a)).error_code),
              ErrorCode::unknown_member_id);
    EXPECT_EQ(s.heartbeat("old", 1, "a"), ErrorCode::fenced_instance_id);
    EXPECT_EQ(code_of(s.ask<SyncGroupResponse>([&] {
                           auto request = GroupScript::sync("old", 1);
                           request.group_instance_id = "a";
                           return request;
                       }())
                          .error_code),
              ErrorCode::fenced_instance_id);
}

TEST_F(StaticMembers, stay_through_a_rebalance_that_they_sleep_through_until_their_session_ends) {
    const auto joining = s.send(GroupScript::join_static("a", a));
    for (int i = 0; i < 12; ++i) {
        s.heartbeat(b, 1, "b");
        s.pass(5s);
    }
    // Its time to join is over, its session is not.
    EXPECT_EQ(s.answer<JoinGroupResponse>(joining).generation_id, 2);
    EXPECT_EQ(s.answer<JoinGroupResponse>(joining).members.size(), 2U);
    s.send(GroupScript::sync(a, 2, {{a, "all"}}));
    for (int i = 0; i < 3; ++i) {
        s.heartbeat(a, 2, "a");
        s.pass(5s);
    }
    EXPECT_EQ(s.heartbeat(b, 2, "b"), ErrorCode::unknown_member_id);
}

TEST_F(StaticMembers, are_removed_by_their_name) {
    EXPECT_EQ(s.leave("wrong", "a"), ErrorCode::fenced_instance_id);
    EXPECT_EQ(s.leave("", "nobody"), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.leave("", "a"), ErrorCode::none);
    EXPECT_EQ(s.leave(b, "b"), ErrorCode::none);
    EXPECT_TRUE(std::get<ClassicGroupRecord>(s.log().back()).value->members.empty());
}

TEST_F(StaticMembers, when_none_comes_back_the_group_waits_for_the_end_of_their_sessions) {
    const auto joining = s.send(GroupScript::join_static("a", a));
    EXPECT_TRUE(s.waits(joining));
    s.leave("", "a");
    EXPECT_EQ(code_of(s.answer<JoinGroupResponse>(joining).error_code), ErrorCode::unknown_member_id);
    for (int i = 0; i < 13; ++i) {
        EXPECT_EQ(s.heartbeat(b, 1, "b"), ErrorCode::rebalance_in_progress) << i;
        s.pass(5s);
    }
    s.pass(6s);
    EXPECT_EQ(s.heartbeat(b, 1, "b"), ErrorCode::unknown_member_id);
    EXPECT_TRUE(std::get<ClassicGroupRecord>(s.log().back()).value->members.empty());
}

TEST_F(StaticMembers, without_time_to_join_in_are_not_looked_at_all_the_time) {
    for (const auto* instance : {"a", "b"}) {
        auto request = GroupScript::join_static(instance);
        request.rebalance_timeout_ms = 0;
        s.send(request);
    }
    s.leave("", "b");
    EXPECT_FALSE(s.coordinator().on_time({s.now(), s.wall_ms()}));
}

}  // namespace
}  // namespace ottla::broker::groups
