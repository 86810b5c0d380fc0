// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/broker/groups/group_script.hpp"

namespace ottla::broker::groups {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

TEST(ClassicJoin, a_new_member_is_given_an_id_and_joins_with_it) {
    GroupScript s;
    const auto first = s.ask<JoinGroupResponse>(GroupScript::join(""));
    EXPECT_EQ(code_of(first.error_code), ErrorCode::member_id_required);
    EXPECT_THAT(first.member_id, StartsWith("c-"));
    EXPECT_EQ(first.member_id.size(), 2U + 36U);
    const auto joined = s.ask<JoinGroupResponse>(GroupScript::join(first.member_id, {"range", "roundrobin"}));
    EXPECT_EQ(joined.error_code, 0);
    EXPECT_EQ(joined.generation_id, 1);
    EXPECT_EQ(joined.leader, first.member_id);
    EXPECT_EQ(joined.protocol_name, "range");
    EXPECT_EQ(joined.protocol_type, "consumer");
    ASSERT_EQ(joined.members.size(), 1U);
    EXPECT_EQ(joined.members[0].metadata.text(), "range metadata");
}

TEST(ClassicJoin, old_clients_join_at_once) {
    GroupScript s;
    const auto joined = s.ask<JoinGroupResponse>(GroupScript::join(""), 3);
    EXPECT_EQ(joined.error_code, 0);
    EXPECT_EQ(joined.generation_id, 1);
}

TEST(ClassicJoin, bad_requests_are_refused) {
    GroupScript s;
    const auto refused = [&](auto change) {
        auto request = GroupScript::join("");
        change(request);
        return code_of(s.ask<JoinGroupResponse>(request, 3).error_code);
    };
    EXPECT_EQ(refused([](auto& r) { r.group_id.clear(); }), ErrorCode::invalid_group_id);
    EXPECT_EQ(refused([](auto& r) { r.session_timeout_ms = 5'999; }), ErrorCode::invalid_session_timeout);
    EXPECT_EQ(refused([](auto& r) { r.session_timeout_ms = 1'800'001; }), ErrorCode::invalid_session_timeout);
    EXPECT_EQ(refused([](auto& r) { r.protocols.clear(); }), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(refused([](auto& r) { r.protocol_type.clear(); }), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(refused([](auto& r) { r.member_id = "nobody"; }), ErrorCode::unknown_member_id);
    EXPECT_EQ(refused([](auto& r) { r.protocols[0].metadata = Bytes::from(std::string(2 << 20, 'x')); }),
              ErrorCode::invalid_request);
    // Nothing stays behind.
    EXPECT_EQ(s.coordinator().group_count(), 0U);
    EXPECT_TRUE(s.nothing_is_due());
}

TEST(ClassicJoin, members_must_have_a_type_and_a_protocol_in_common) {
    GroupScript s;
    s.stable(1);
    auto other = GroupScript::join("", {"sticky"});
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(other).error_code), ErrorCode::inconsistent_group_protocol);
    other = GroupScript::join("");
    other.protocol_type = "connect";
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(other).error_code), ErrorCode::inconsistent_group_protocol);
}

TEST(ClassicJoin, the_protocol_is_what_most_like_best_among_what_all_know) {
    GroupScript s;
    std::vector<Ticket> tickets;
    tickets.push_back(s.start_join(GroupScript::join("", {"a", "b", "c"}), 3));
    tickets.push_back(s.start_join(GroupScript::join("", {"d", "c", "b"}), 3));
    tickets.push_back(s.start_join(GroupScript::join("", {"c", "b"}), 3));
    s.pass(0ms);
    for (const auto ticket : tickets) EXPECT_EQ(s.answer<JoinGroupResponse>(ticket).protocol_name, "c");
}

TEST(ClassicJoin, the_first_generation_waits_for_others_to_come) {
    GroupSettings settings;  // three seconds
    GroupScript s(settings);
    const auto first = s.send(GroupScript::join(""), 3);
    s.pass(2900ms);
    const auto second = s.send(GroupScript::join(""), 3);
    s.pass(200ms);
    EXPECT_TRUE(s.waits(first));  // somebody came: so as long again
    s.pass(2700ms);
    EXPECT_TRUE(s.waits(first));
    s.pass(200ms);
    EXPECT_EQ(s.answer<JoinGroupResponse>(first).generation_id, 1);
    EXPECT_EQ(s.answer<JoinGroupResponse>(first).members.size() + s.answer<JoinGroupResponse>(second).members.size(),
              2U);
}

TEST(ClassicJoin, others_who_keep_coming_put_the_first_generation_off_no_longer_than_its_rebalance_timeout) {
    GroupSettings settings;
    GroupScript s(settings);
    auto request = GroupScript::join("");
    request.rebalance_timeout_ms = 10'000;
    const auto first = s.send(request, 3);
    for (int i = 0; i < 9; ++i) {
        EXPECT_TRUE(s.waits(first)) << i;
        s.pass(1s);
        s.send(request, 3);
    }
    s.pass(1s);
    EXPECT_FALSE(s.waits(first));
}

TEST(ClassicJoin, an_id_that_nobody_comes_back_with_is_forgotten) {
    GroupScript s;
    const auto id = s.new_id();
    s.pass(10s);
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(GroupScript::join(id)).error_code), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

TEST(ClassicJoin, a_pending_id_that_leaves_disturbs_nobody) {
    GroupScript s;
    const auto ids = s.stable(1);
    const auto pending = s.new_id();
    EXPECT_EQ(s.leave(pending), ErrorCode::none);
    EXPECT_EQ(s.leave(pending), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.heartbeat(ids[0], 1), ErrorCode::none);
}

TEST(ClassicJoin, a_group_that_is_full_takes_nobody) {
    auto settings = GroupScript::quick();
    settings.max_size = 2;
    GroupScript s(settings);
    const auto ids = s.stable(2);
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(GroupScript::join("")).error_code), ErrorCode::group_max_size_reached);
    // Its members may still join again.
    EXPECT_TRUE(s.waits(s.send(GroupScript::join(ids[0], {"range", "new"}))));
}

TEST(ClassicJoin, a_follower_that_joins_again_unchanged_is_told_the_same) {
    GroupScript s;
    const auto ids = s.stable(2);
    const auto& leader = ids[0];
    const auto again = s.ask<JoinGroupResponse>(GroupScript::join(ids[1]));
    EXPECT_EQ(again.error_code, 0);
    EXPECT_EQ(again.generation_id, 1);
    EXPECT_EQ(again.leader, leader);
    EXPECT_TRUE(again.members.empty());
    EXPECT_EQ(s.heartbeat(leader, 1), ErrorCode::none);
}

TEST(ClassicJoin, a_leader_that_joins_again_wants_a_rebalance) {
    GroupScript s;
    const auto ids = s.stable(2);
    const auto leader = s.send(GroupScript::join(ids[0]));
    EXPECT_TRUE(s.waits(leader));
    EXPECT_EQ(s.heartbeat(ids[1], 1), ErrorCode::rebalance_in_progress);
    const auto follower = s.send(GroupScript::join(ids[1]));
    EXPECT_EQ(s.answer<JoinGroupResponse>(leader).generation_id, 2);
    EXPECT_EQ(s.answer<JoinGroupResponse>(follower).generation_id, 2);
}

TEST(ClassicJoin, an_answer_that_was_lost_is_given_again) {
    GroupScript s;
    const auto id = s.new_id();
    s.ask<JoinGroupResponse>(GroupScript::join(id));
    const auto again = s.ask<JoinGroupResponse>(GroupScript::join(id));
    EXPECT_EQ(again.generation_id, 1);
    EXPECT_EQ(again.members.size(), 1U);
}

TEST(ClassicJoin, of_two_requests_that_wait_the_newer_counts) {
    GroupScript s;
    const auto ids = s.stable(2);
    const auto first = s.send(GroupScript::join(ids[0]));
    const auto second = s.send(GroupScript::join(ids[0]));
    EXPECT_EQ(code_of(s.answer<JoinGroupResponse>(first).error_code), ErrorCode::rebalance_in_progress);
    EXPECT_TRUE(s.waits(second));
}

TEST(ClassicJoin, a_new_member_that_waits_in_vain_is_let_go) {
    auto settings = GroupScript::quick();
    GroupScript s(settings);
    auto request = GroupScript::join("");
    request.rebalance_timeout_ms = 3'600'000;
    const auto first = s.ask<JoinGroupResponse>(request, 3);
    s.send(GroupScript::sync(first.member_id, 1, {{first.member_id, "a"}}));
    const auto second = s.send(request, 3);
    for (int i = 0; i < 60 && s.waits(second); ++i) {
        s.pass(5s);
        EXPECT_EQ(s.heartbeat(first.member_id, 1), ErrorCode::rebalance_in_progress);
    }
    EXPECT_EQ(code_of(s.answer<JoinGroupResponse>(second).error_code), ErrorCode::unknown_member_id);
}

TEST(ClassicJoin, a_group_that_was_empty_waits_for_others_whatever_its_generation) {
    GroupSettings settings;
    settings.initial_rebalance_delay_ms = 3000;
    GroupScript s(settings);
    const auto first = s.new_id();
    s.start_join(GroupScript::join(first));
    s.pass(3s);
    s.leave(first);
    const auto a = s.new_id(), b = s.new_id();
    const auto join_a = s.send(GroupScript::join(a));
    s.pass(2s);
    EXPECT_TRUE(s.waits(join_a));
    const auto join_b = s.send(GroupScript::join(b));
    s.pass(1s);
    EXPECT_EQ(s.answer<JoinGroupResponse>(join_a).generation_id, s.answer<JoinGroupResponse>(join_b).generation_id);
}

TEST(ClassicJoin, a_member_that_has_no_room_any_more_is_not_waited_for) {
    GroupScript s;
    const auto ids = s.stable(2);
    s.set_max_size(1);
    s.restart();
    const auto stays = s.send(GroupScript::join(ids[0]));
    EXPECT_TRUE(s.waits(stays));
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(GroupScript::join(ids[1])).error_code),
              ErrorCode::group_max_size_reached);
    EXPECT_EQ(s.answer<JoinGroupResponse>(stays).members.size(), 1U);
}

TEST(ClassicJoin, more_protocols_than_anybody_has_are_refused) {
    GroupScript s;
    std::vector<std::string> names;
    for (int i = 0; i < 101; ++i) names.push_back("p" + std::to_string(i));
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(GroupScript::join("", names)).error_code), ErrorCode::invalid_request);
    names.pop_back();
    EXPECT_EQ(code_of(s.ask<JoinGroupResponse>(GroupScript::join("", names)).error_code),
              ErrorCode::member_id_required);
}

}  // namespace
}  // namespace ottla::broker::groups
