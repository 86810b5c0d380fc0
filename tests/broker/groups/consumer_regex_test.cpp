// SPDX-License-Identifier: Apache-2.0
// Regular expressions that the coordinator resolves.
#include <gmock/gmock.h>

#include "tests/broker/groups/consumer_script.hpp"

namespace ottla::broker::groups {
namespace {

using Member = ConsumerScript::Member;

ErrorCode join_with(ConsumerScript& s, Member& member, const std::string& regex) {
    auto request = ConsumerScript::joining(member);
    request.subscribed_topic_names.reset();
    request.subscribed_topic_regex = regex;
    return ConsumerScript::take(member, s.ask_beat(request));
}

Member with_regex(ConsumerScript& s, const std::string& id, const std::string& regex) {
    Member member{id, {}, {}, 0, {}, {}, {}};
    EXPECT_EQ(join_with(s, member, regex), ErrorCode::none);
    return member;
}

TEST(ConsumerRegex, is_resolved_after_the_heartbeat_that_brings_it) {
    ConsumerScript s;
    const Uuid t = s.make_topic("orders-1", 2);
    const Uuid u = s.make_topic("orders-2", 1);
    s.make_topic("my-orders-1", 1);
    auto a = with_regex(s, "a", "orders-.*");
    EXPECT_EQ(a.epoch, 1);
    EXPECT_EQ(size_of(a.owned), 0U);
    // As Kafka has it: the member first, then what the expression matches with the group's epoch, then the assignment.
    const auto& resolved = s.last_record<RegexRecord>();
    EXPECT_THAT(resolved.value->topics, testing::ElementsAre("orders-1", "orders-2"));
    EXPECT_EQ(s.last_record<GroupEpochRecord>().value->epoch, 2);
    s.settle({&a});
    EXPECT_EQ(a.epoch, 2);
    EXPECT_EQ(a.owned, (TopicPartitions{{t, {0, 1}}, {u, {0}}}));
    EXPECT_EQ(s.described_consumer().members.at(0).subscribed_topic_regex, "orders-.*");
    const auto before = s.described_consumer();
    s.restart();
    EXPECT_EQ(s.described_consumer(), before);
}

TEST(ConsumerRegex, finds_topics_that_are_made_later) {
    ConsumerScript s;
    auto a = with_regex(s, "a", "o.*");
    EXPECT_EQ(s.count_records<RegexRecord>(), 1U);
    s.settle({&a});
    const Uuid t = s.make_topic("o", 1);
    // Not at once again: many topics may be made one after the other.
    EXPECT_EQ(s.beat(a), ErrorCode::none);
    EXPECT_EQ(s.count_records<RegexRecord>(), 1U);
    for (int i = 0; i < 3; ++i) {
        s.pass(5s);
        EXPECT_EQ(s.beat(a), ErrorCode::none);
    }
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 1));
    EXPECT_EQ(s.count_records<RegexRecord>(), 2U);
    s.remove_topic(t);
    s.settle({&a});
    EXPECT_EQ(size_of(a.owned), 0U);
}

TEST(ConsumerRegex, is_looked_at_again_after_its_interval) {
    ConsumerScript s;
    s.make_topic("o", 1);
    auto a = with_regex(s, "a", "o");
    s.settle({&a});
    for (int i = 0; i < 121; ++i) {
        s.pass(5s);
        ASSERT_EQ(s.beat(a), ErrorCode::none);
    }
    EXPECT_EQ(s.count_records<RegexRecord>(), 2U);
    EXPECT_EQ(s.count_records<GroupEpochRecord>(), 1U);
}

TEST(ConsumerRegex, that_is_none_is_refused) {
    ConsumerScript s;
    Member a{"a", {}, {}, 0, {}, {}, {}};
    EXPECT_EQ(join_with(s, a, "orders-("), ErrorCode::invalid_regular_expression);
    EXPECT_EQ(join_with(s, a, std::string(5000, 'a')), ErrorCode::invalid_regular_expression);
    // RE2's syntax has none that look back.
    EXPECT_EQ(join_with(s, a, "(a)\\1"), ErrorCode::invalid_regular_expression);
    EXPECT_TRUE(s.log().empty());
}

TEST(ConsumerRegex, goes_with_the_last_who_uses_it) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 4);
    auto a = with_regex(s, "a", "t");
    s.settle({&a});
    auto b = with_regex(s, "b", "t");
    EXPECT_EQ(b.epoch, 3);
    s.settle({&a, &b});
    EXPECT_EQ(size_of(a.owned), 2U);
    EXPECT_EQ(s.leave_consumer(b), ErrorCode::none);
    EXPECT_TRUE(s.last_record<RegexRecord>().value);
    // The other goes over to names.
    auto request = s.beating(a);
    request.subscribed_topic_names = std::vector<std::string>{"t"};
    request.subscribed_topic_regex = "";
    EXPECT_EQ(s.take(a, s.ask_beat(request)), ErrorCode::none);
    EXPECT_FALSE(s.last_record<RegexRecord>().value);
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 4));
    EXPECT_EQ(s.leave_consumer(a), ErrorCode::none);
}

TEST(ConsumerRegex, and_names_of_others_go_together) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 2);
    const Uuid u = s.make_topic("u", 2);
    auto a = with_regex(s, "a", "[tu]");
    auto b = s.joined("b", {"u"});
    s.settle({&a, &b});
    EXPECT_EQ(a.owned, all_of(t, 2));
    EXPECT_EQ(b.owned, all_of(u, 2));
}

TEST(ConsumerRegex, over_many_topics_leaves_others_their_turn) {
    ConsumerScript s;
    const Uuid t = s.make_topic("t", 1);
    for (int i = 0; i < 25'000; ++i) {
        protocol::TopicRecord topic;
        topic.name = "x" + std::to_string(i);
        topic.topic_id = base::Random(static_cast<std::uint64_t>(i)).uuid();
        s.add_quietly(topic);
    }
    s.show_metadata();
    auto a = with_regex(s, "a", "t|x24999");
    EXPECT_EQ(s.count_records<RegexRecord>(), 0U);
    s.pass(1ms);
    EXPECT_EQ(s.count_records<RegexRecord>(), 0U);
    s.pass(1ms);
    EXPECT_EQ(s.last_record<RegexRecord>().value->topics.size(), 2U);
    s.settle({&a});
    EXPECT_EQ(a.owned, all_of(t, 1));
}

}  // namespace
}  // namespace ottla::broker::groups
