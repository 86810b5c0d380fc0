// SPDX-License-Identifier: Apache-2.0
// Members of the consumer protocol: joining, sharing, taking over, leaving, and what is refused.
#include <gmock/gmock.h>

#include "tests/broker/groups/consumer_script.hpp"

namespace ottla::broker::groups {
namespace {

using Member = ConsumerScript::Member;

void set_for_group(ConsumerScript& s, const char* name, const char* value) {
    protocol::ConfigRecord config;
    config.resource_type = 32;
    config.resource_name = "g";
    config.name = name;
    config.value = value;
    s.change_metadata(config);
}

TEST(ConsumerGroup, the_first_member_gets_all_at_once) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 3);
    const auto a = s.joined("a", {"t"});
    EXPECT_EQ(a.epoch, 2);
    EXPECT_EQ(a.owned, all_of(t, 3));
    const auto group = s.described_consumer();
    EXPECT_EQ(group.group_state, "Stable");
    EXPECT_EQ(group.group_epoch, 2);
    EXPECT_EQ(group.assignment_epoch, 2);
    EXPECT_EQ(group.assignor_name, "uniform");
    ASSERT_EQ(group.members.size(), 1U);
    EXPECT_EQ(group.members[0].assignment.topic_partitions.at(0).topic_name, "t");
    EXPECT_EQ(group.members[0].client_host, "/127.0.0.1");
    EXPECT_EQ(group.members[0].member_type, 1);
}

// The records of a first join, in Kafka's order.
TEST(ConsumerGroup, a_first_join_writes_what_kafka_writes) {
    ConsumerScript s;
    s.make_topic("t", 1);
    s.joined("a", {"t"});
    ASSERT_EQ(s.log().size(), 5U);
    EXPECT_TRUE(std::holds_alternative<ConsumerMemberRecord>(s.log()[0]));
    EXPECT_TRUE(std::holds_alternative<GroupEpochRecord>(s.log()[1]));
    EXPECT_TRUE(std::holds_alternative<TargetRecord>(s.log()[2]));
    EXPECT_TRUE(std::holds_alternative<TargetEpochRecord>(s.log()[3]));
    EXPECT_TRUE(std::holds_alternative<MemberPositionRecord>(s.log()[4]));
}

TEST(ConsumerGroup, nothing_is_written_by_a_heartbeat_that_changes_nothing) {
    ConsumerScript s;
    s.make_topic("t", 1);
    auto a = s.joined("a", {"t"});
    const std::size_t before = s.log().size();
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    EXPECT_FALSE(a.told);
    EXPECT_EQ(s.log().size(), before);
}

TEST(ConsumerGroup, a_partition_moves_when_its_owner_has_given_it_up) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 2);
    auto a = s.joined("a", {"t"});
    auto b = s.joined("b", {"t"});
    EXPECT_EQ(b.epoch, 3);
    EXPECT_EQ(size_of(b.owned), 0U);
    EXPECT_EQ(s.described_consumer().group_state, "Reconciling");
    // Told to give one up, it stays in its epoch until it says that it has.
    auto slow = a;
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    EXPECT_EQ(a.epoch, 2);
    EXPECT_EQ(size_of(*a.told), 1U);
    EXPECT_EQ(s.beat(slow), ErrorCode::none);
    EXPECT_EQ(s.last_record<MemberPositionRecord>().value->state, 1);
    EXPECT_EQ(s.beat(b), ErrorCode::none);
    EXPECT_EQ(size_of(b.owned), 0U);
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    EXPECT_EQ(a.epoch, 3);
    EXPECT_EQ(s.beat(b), ErrorCode::none);
    EXPECT_EQ(size_of(b.owned), 1U);
    EXPECT_NE(*a.owned.at(t).begin(), *b.owned.at(t).begin());
    EXPECT_EQ(s.described_consumer().group_state, "Stable");
}

TEST(ConsumerGroup, who_leaves_frees_its_partitions) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 4);
    auto a = s.joined("a", {"t"});
    auto b = s.joined("b", {"t"});
    s.settle({&a, &b});
    EXPECT_EQ(size_of(a.owned), 2U);
    EXPECT_EQ(s.leave_consumer(b), ErrorCode::none);
    EXPECT_EQ(s.leave_consumer(b), ErrorCode::unknown_member_id);
    EXPECT_EQ(s.described_consumer().group_state, "Assigning");
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 4));
    EXPECT_EQ(s.leave_consumer(a), ErrorCode::none);
    EXPECT_EQ(s.described_consumer().group_state, "Empty");
    EXPECT_EQ(s.last_record<GroupEpochRecord>().value->metadata_hash, 0);
}

TEST(ConsumerGroup, who_is_not_heard_of_is_out_after_its_session) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 2);
    auto a = s.joined("a", {"t"});
    auto b = s.joined("b", {"t"});
    s.settle({&a, &b});
    for (int i = 0; i < 9; ++i) {
        s.pass(5s);
        EXPECT_EQ(s.beat(a), ErrorCode::none);
    }
    s.pass(1ms);
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 2));
    EXPECT_EQ(s.beat(b), ErrorCode::unknown_member_id);
    s.pass(45s);
    EXPECT_EQ(s.described_consumer().group_state, "Empty");
}

TEST(ConsumerGroup, who_does_not_give_up_in_time_is_out) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 2);
    auto a = s.joined("a", {"t"});
    auto b = s.joined("b", {"t"});
    const auto keeps = a;
    s.ask_beat(s.beating(keeps));
    for (int i = 0; i < 11; ++i) {
        s.pass(5s);
        EXPECT_EQ(s.ask_beat(s.beating(keeps)).error_code, 0);
        EXPECT_EQ(s.beat(b), ErrorCode::none);
    }
    s.pass(5s);
    EXPECT_EQ(code_of(s.ask_beat(s.beating(keeps)).error_code), ErrorCode::unknown_member_id);
    s.settle({&b});
    EXPECT_EQ(b.owned, all_of(t, 2));
}

TEST(ConsumerGroup, other_epochs_than_the_members_are_fenced) {
    ConsumerScript s;
    s.make_topic("t", 2);
    auto a = s.joined("a", {"t"});
    auto newer = a, older = a;
    newer.epoch = 3;
    EXPECT_EQ(s.beat(newer), ErrorCode::fenced_member_epoch);
    older.epoch = 1;
    EXPECT_EQ(s.beat(older), ErrorCode::fenced_member_epoch);
    // It begins anew under its id, and has what it had.
    EXPECT_EQ(s.join(a), ErrorCode::none);
    EXPECT_EQ(a.epoch, 2);
    EXPECT_EQ(size_of(a.owned), 2U);
}

// Its answer with the newer epoch was lost.
TEST(ConsumerGroup, the_epoch_before_is_taken_from_who_has_no_more_than_it_should) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 2);
    auto a = s.joined("a", {"t"});
    auto b = s.joined("b", {"t"});
    ASSERT_EQ(s.beat(a), ErrorCode::none);
    auto late = a;
    ASSERT_EQ(s.beat(a), ErrorCode::none);
    ASSERT_EQ(a.epoch, 3);
    EXPECT_EQ(late.epoch, 2);
    auto too_much = late;
    too_much.owned = all_of(t, 2);
    EXPECT_EQ(s.beat(too_much), ErrorCode::fenced_member_epoch);
    EXPECT_EQ(s.beat(late), ErrorCode::none);
    EXPECT_EQ(late.epoch, 3);
}

TEST(ConsumerGroup, another_subscription_deals_anew) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 2);
    const Uuid u = s.make_topic("u", 2);
    auto a = s.joined("a", {"t"});
    a.topics = {"u"};
    auto request = s.beating(a);
    request.subscribed_topic_names = a.topics;
    EXPECT_EQ(s.take(a, s.ask_beat(request)), ErrorCode::none);
    EXPECT_EQ(size_of(a.owned), 0U);
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(u, 2));
    EXPECT_FALSE(a.owned.contains(t));
}

TEST(ConsumerGroup, members_with_other_topics_each_get_their_own) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 2);
    const Uuid u = s.make_topic("u", 3);
    auto a = s.joined("a", {"t"});
    auto b = s.joined("b", {"u", "gone"});
    s.settle({&a, &b});
    EXPECT_EQ(a.owned, all_of(t, 2));
    EXPECT_EQ(b.owned, all_of(u, 3));
}

TEST(ConsumerGroup, topics_that_change_raise_the_epoch) {
    ConsumerScript s;
    auto a = s.joined("a", {"t"});
    EXPECT_EQ(a.epoch, 2);
    const Uuid t = s.make_topic("t", 1);
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 1));
    EXPECT_EQ(a.epoch, 3);
    s.add_partitions(t, 1, 3);
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 3));
    EXPECT_EQ(a.epoch, 4);
    s.make_topic("other", 1);
    s.settle({&a});
    EXPECT_EQ(a.epoch, 4);
    s.remove_topic(t);
    s.settle({&a});
    EXPECT_EQ(a.epoch, 5);
    EXPECT_EQ(size_of(a.owned), 0U);
}

TEST(ConsumerGroup, requests_that_are_wrong_are_refused) {
    ConsumerScript s;
    const Member a{"a", {"t"}, {}, 0, {}, {}, {}};
    const auto refused = [&](auto change, std::int16_t version = 1) {
        auto request = s.joining(a);
        change(request);
        const auto answer = s.ask_beat(request, version);
        EXPECT_TRUE(answer.error_message);
        return code_of(answer.error_code);
    };
    constexpr auto invalid = ErrorCode::invalid_request;
    EXPECT_EQ(refused([](auto& r) { r.group_id = " "; }), invalid);
    EXPECT_EQ(refused([](auto& r) { r.instance_id = ""; }), invalid);
    EXPECT_EQ(refused([](auto& r) { r.rack_id = ""; }), invalid);
    EXPECT_EQ(refused([](auto& r) { r.member_id = ""; }), invalid);
    EXPECT_EQ(refused([](auto& r) { r.rebalance_timeout_ms = -1; }), invalid);
    EXPECT_EQ(refused([](auto& r) { r.topic_partitions.reset(); }), invalid);
    EXPECT_EQ(refused([](auto& r) { r.topic_partitions->emplace_back(); }), invalid);
    EXPECT_EQ(refused([](auto& r) { r.subscribed_topic_names.reset(); }), invalid);
    EXPECT_EQ(refused([](auto& r) { r.member_epoch = -2; }), invalid);
    EXPECT_EQ(refused([](auto& r) { r.member_epoch = -3; }), invalid);
    EXPECT_EQ(refused([](auto& r) { r.server_assignor = "sticky"; }), ErrorCode::unsupported_assignor);
    EXPECT_EQ(refused([](auto& r) { r.member_epoch = 1; }), ErrorCode::group_id_not_found);
    EXPECT_EQ(refused([](auto& r) { r.member_epoch = -1; }), ErrorCode::group_id_not_found);
    EXPECT_TRUE(s.log().empty());
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

// Version 0: the coordinator gives the id.
TEST(ConsumerGroup, an_id_is_given_to_clients_that_have_none) {
    ConsumerScript s;
    const Member nobody{"", {"t"}, {}, 0, {}, {}, {}};
    const auto answer = s.ask_beat(s.joining(nobody), 0);
    EXPECT_EQ(answer.error_code, 0);
    EXPECT_EQ(answer.member_id->size(), 22U);
}

TEST(ConsumerGroup, has_no_more_members_than_it_may) {
    auto settings = GroupScript::quick();
    settings.consumer.max_size = 1;
    ConsumerScript s(settings);
    auto a = s.joined("a", {"t"});
    Member b{"b", {"t"}, {}, 0, {}, {}, {}};
    EXPECT_EQ(s.join(b), ErrorCode::group_max_size_reached);
    EXPECT_EQ(s.join(a), ErrorCode::none);
}

TEST(ConsumerGroup, the_interval_of_heartbeats_comes_from_the_coordinator) {
    auto settings = GroupScript::quick();
    settings.consumer.rebalance_heartbeat_interval_ms = 0;
    ConsumerScript s(settings);
    const Member a{"a", {"t"}, {}, 0, {}, {}, {}};
    EXPECT_EQ(s.ask_beat(s.joining(a)).heartbeat_interval_ms, 5000);
    set_for_group(s, "consumer.heartbeat.interval.ms", "7000");
    EXPECT_EQ(s.ask_beat(s.joining(a)).heartbeat_interval_ms, 7000);
    set_for_group(s, "consumer.heartbeat.interval.ms", "70000");
    EXPECT_EQ(s.ask_beat(s.joining(a)).heartbeat_interval_ms, 15000);
}

TEST(ConsumerGroup, members_are_heard_of_sooner_while_partitions_change_hands) {
    ConsumerScript s;
    s.make_topic("t", 2);
    const auto interval_of = [&](Member& member) {
        const auto answer = s.ask_beat(s.beating(member));
        EXPECT_EQ(s.take(member, answer), ErrorCode::none);
        return answer.heartbeat_interval_ms;
    };
    Member a{"a", {"t"}, {}, 0, {}, {}, {}};
    const auto first = s.ask_beat(s.joining(a));
    s.take(a, first);
    EXPECT_EQ(first.heartbeat_interval_ms, 250);
    EXPECT_EQ(interval_of(a), 250);  // more members are likely to come
    s.pass(5s);
    EXPECT_EQ(interval_of(a), 5000);

    auto b = s.joined("b", {"t"});
    EXPECT_EQ(interval_of(a), 250);  // a is to give one up
    s.pass(6s);
    EXPECT_EQ(interval_of(b), 250);   // b still waits for it
    EXPECT_EQ(interval_of(a), 5000);  // a has given it up
    EXPECT_EQ(interval_of(b), 5000);
    EXPECT_EQ(size_of(b.owned), 1U);
}

TEST(ConsumerGroup, partitions_of_a_large_group_are_dealt_at_intervals) {
    ConsumerScript s;
    s.make_topic("t", 300);
    std::vector<Member> crowd;
    for (int i = 0; i < 101; ++i) crowd.push_back(s.joined("m" + std::to_string(i), {"t"}));
    auto late = s.joined("late", {"t"});
    auto later = s.joined("later", {"t"});
    EXPECT_EQ(s.described_consumer().group_state, "Assigning");
    EXPECT_TRUE(late.owned.empty());
    EXPECT_EQ(late.epoch, s.described_consumer().assignment_epoch);
    const auto dealt = s.count_records<TargetEpochRecord>();
    // The group's own interval goes before the broker's, which is a second.
    set_for_group(s, "consumer.assignment.interval.ms", "3000");
    s.pass(2s);
    EXPECT_EQ(s.beat(crowd.front()), ErrorCode::none);
    EXPECT_EQ(s.count_records<TargetEpochRecord>(), dealt);
    s.pass(1s);
    EXPECT_EQ(s.beat(crowd.front()), ErrorCode::none);
    EXPECT_EQ(s.count_records<TargetEpochRecord>(), dealt + 1);

    std::vector<Member*> all{&late, &later};
    for (auto& member : crowd) all.push_back(&member);
    s.settle(all);
    EXPECT_GE(size_of(late.owned), 2U);
    EXPECT_GE(size_of(later.owned), 2U);
}

TEST(ConsumerGroup, members_are_not_heard_of_by_too_many_at_once) {
    auto settings = GroupScript::quick();
    settings.consumer.rebalance_heartbeat_interval_ms = 1;
    ConsumerScript s(settings);
    s.make_topic("t", 2);
    for (int i = 0; i < 50; ++i) s.joined("m" + std::to_string(i), {"t"});
    const Member last{"last", {"t"}, {}, 0, {}, {}, {}};
    EXPECT_EQ(s.ask_beat(s.joining(last)).heartbeat_interval_ms, 102);
}

TEST(ConsumerGroup, changes_nothing_when_the_log_takes_nothing) {
    ConsumerScript s;
    s.make_topic("t", 2);
    Member a{"a", {"t"}, {}, 0, {}, {}, {}};
    s.fail_next_append(ErrorCode::coordinator_not_available);
    EXPECT_EQ(s.failure(s.send(s.joining(a), 1)), ErrorCode::coordinator_not_available);
    EXPECT_EQ(s.coordinator().group_count(), 0U);
    EXPECT_EQ(s.join(a), ErrorCode::none);
    auto b = s.joined("b", {"t"});
    s.fail_next_append(ErrorCode::coordinator_not_available);
    s.send(s.beating(a), 1);
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    EXPECT_EQ(size_of(a.owned), 1U);
    s.settle({&a, &b});
}

TEST(ConsumerGroup, goes_on_over_a_restart_in_each_state) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 4);
    auto a = s.joined("a", {"t"});
    const auto same = [&] {
        const auto before = s.described_consumer();
        s.restart();
        EXPECT_EQ(s.described_consumer(), before);
    };
    same();
    auto b = s.joined("b", {"t"});  // waits for what a has
    same();
    ASSERT_EQ(s.beat(a), ErrorCode::none);  // is to give up
    same();
    // It has its time to give up after the restart too.
    s.pass(44s);
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    same();
    EXPECT_EQ(s.beat(b), ErrorCode::none);
    s.settle({&a, &b});
    same();
    EXPECT_EQ(s.leave_consumer(a), ErrorCode::none);  // not dealt yet
    same();
    s.settle({&b});
    EXPECT_EQ(b.owned, all_of(t, 4));
    EXPECT_EQ(s.leave_consumer(b), ErrorCode::none);
    same();
    EXPECT_EQ(s.remove_group(), ErrorCode::none);
    s.restart();
    EXPECT_EQ(s.coordinator().group_count(), 0U);
}

TEST(ConsumerGroup, who_does_not_come_back_after_a_restart_is_out) {
    ConsumerScript s;
    s.make_topic("t", 4);
    auto a = s.joined("a", {"t"});
    auto b = s.joined("b", {"t"});
    ASSERT_EQ(s.beat(a), ErrorCode::none);
    s.restart();
    s.pass(45s);
    EXPECT_EQ(s.described_consumer().group_state, "Empty");
    EXPECT_TRUE(s.nothing_is_due());
}

}  // namespace
}  // namespace ottla::broker::groups
