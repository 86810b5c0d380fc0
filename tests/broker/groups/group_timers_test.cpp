// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_timers.hpp"

#include <gtest/gtest.h>

#include "broker/groups/group_id.hpp"

namespace ottla::broker::groups {
namespace {

using namespace std::chrono_literals;

base::TimePoint at(base::Duration since) { return base::TimePoint{} + since; }

TEST(GroupTimers, give_what_is_due_in_the_order_of_time_and_key) {
    GroupTimers timers;
    timers.set({"b", TimerKind::session, "m"}, at(2s));
    timers.set({"a", TimerKind::session, "m"}, at(2s));
    timers.set({"c", TimerKind::join, ""}, at(1s));
    timers.set({"c", TimerKind::join, ""}, at(3s));
    timers.set({"d", TimerKind::sync, ""}, at(1s));
    timers.cancel({"d", TimerKind::sync, ""});
    EXPECT_EQ(timers.next(), at(2s));
    EXPECT_FALSE(timers.take_due(at(1s)));
    EXPECT_EQ(timers.take_due(at(5s))->group_id, "a");
    EXPECT_EQ(timers.take_due(at(5s))->group_id, "b");
    EXPECT_EQ(timers.take_due(at(5s))->group_id, "c");
    EXPECT_FALSE(timers.take_due(at(5s)));
    EXPECT_FALSE(timers.next());
}

TEST(GroupTimers, forget_a_group_and_leave_its_neighbours) {
    GroupTimers timers;
    for (const char* group : {"a", "ab", "b"}) {
        for (const auto kind : {TimerKind::join, TimerKind::sync, TimerKind::session, TimerKind::pending})
            timers.set({group, kind, "m"}, at(1s));
    }
    timers.cancel_group("ab");
    EXPECT_EQ(timers.size(), 8U);
    EXPECT_TRUE(timers.is_set({"b", TimerKind::join, "m"}));
    EXPECT_FALSE(timers.is_set({"ab", TimerKind::pending, "m"}));
}

TEST(GroupId, hashes_as_java_does) {
    EXPECT_EQ(java_hash(""), 0);
    EXPECT_EQ(java_hash("g-classic"), 486458668);
    EXPECT_EQ(java_hash("g-share"), -1678689543);
    EXPECT_EQ(java_hash("\xc3\xa9"), 0xe9);                          // é
    EXPECT_EQ(java_hash("\xf0\x9f\x98\x80"), 31 * 0xd83d + 0xde00);  // a pair of surrogates
    EXPECT_EQ(java_hash("\xff"), 0xfffd);
    EXPECT_EQ(java_hash("\xc3"), 0xfffd);
    EXPECT_EQ(java_hash("polygenelubricants"), std::numeric_limits<std::int32_t>::min());
}

// Where a live Apache Kafka with five partitions kept them.
TEST(GroupId, keeps_groups_where_kafka_keeps_them) {
    EXPECT_EQ(partition_of("g-consumer", 5), 2);
    EXPECT_EQ(partition_of("g-simple", 5), 2);  // its hash is negative
    EXPECT_EQ(partition_of("g-classic", 5), 3);
    EXPECT_EQ(partition_of("g-share", 5), 3);
    EXPECT_EQ(partition_of("g-static", 5), 4);
    EXPECT_EQ(partition_of("polygenelubricants", 50), 0);
}

}  // namespace
}  // namespace ottla::broker::groups
