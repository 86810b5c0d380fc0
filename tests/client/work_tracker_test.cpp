// SPDX-License-Identifier: Apache-2.0
// Which record may be worked on now: scripts.
#include "client/parallel/work_tracker.hpp"

#include <gtest/gtest.h>

namespace ottla::client {
namespace {

using namespace std::chrono_literals;
using base::TimePoint;

class Tracker : public ::testing::Test {
protected:
    // A record with this key; its offset is the next.
    Ticket add(std::string_view key, std::uint32_t partition = 0) {
        const auto chain = order_is_partition ? WorkTracker::chain_of(partition)
                           : key.empty()      ? WorkTracker::none
                                              : WorkTracker::chain_of(partition, key);
        const auto offset = tracker.progress(partition).next();
        const auto t = tracker.add(partition, chain, offset, 10).value();
        if (names.size() <= t) names.resize(t + 1);
        names[t] = std::string(key) + std::to_string(offset);
        return t;
    }
    // What one call gets.
    std::vector<Ticket> take(std::size_t max = 1) {
        std::vector<Ticket> call(max);
        call.resize(tracker.take(call));
        return call;
    }
    std::string text_of(const std::vector<Ticket>& call) const {
        std::string text;
        for (const auto t : call) text += (text.empty() ? "" : " ") + names[t];
        return text;
    }
    // All that can be taken now, each in a call of its own.
    std::string take_all() {
        std::string text;
        for (auto call = take(); !call.empty(); call = take()) {
            text += (text.empty() ? "" : " ") + text_of(call);
            calls.push_back(call);
        }
        return text;
    }

    WorkTracker tracker{WorkLimits{.calls_max = 100, .records_max = 8, .bytes_max = 1000}};
    std::vector<std::string> names;
    std::vector<std::vector<Ticket>> calls;
    bool order_is_partition = false;
};

TEST_F(Tracker, keys_go_side_by_side_and_a_key_in_order) {
    tracker.begin(PartitionProgress(OffsetMap(0)));
    for (const char* key : {"a", "a", "b", "a", "c"}) add(key);
    EXPECT_EQ(take_all(), "a0 b2 c4");
    tracker.finish(calls[0]);
    EXPECT_EQ(take_all(), "a1");
    tracker.finish(calls[3]);
    tracker.finish(calls[1]);
    EXPECT_EQ(take_all(), "a3");
    EXPECT_EQ(tracker.progress(0).watermark(), 3);
    tracker.finish(calls[4]);
    tracker.finish(calls[2]);
    EXPECT_EQ(tracker.progress(0).watermark(), 5);
    EXPECT_EQ(tracker.records(), 0U);
    EXPECT_EQ(tracker.bytes(), 0U);
}

TEST_F(Tracker, without_a_key_there_is_no_order) {
    tracker.begin(PartitionProgress(OffsetMap(0)));
    for (int i = 0; i < 3; ++i) add("");
    EXPECT_EQ(take_all(), "0 1 2");
}

TEST_F(Tracker, one_of_a_partition_at_a_time) {
    order_is_partition = true;
    tracker.begin(PartitionProgress(OffsetMap(0)));
    tracker.begin(PartitionProgress(OffsetMap(0)));
    for (const char* key : {"a", "b"}) add(key, 0), add(key, 1);
    EXPECT_EQ(take_all(), "a0 a0");
    tracker.finish(calls[1]);
    EXPECT_EQ(take_all(), "b1");
}

TEST_F(Tracker, partitions_take_turns) {
    for (int p = 0; p < 3; ++p) tracker.begin(PartitionProgress(OffsetMap(0)));
    for (int i = 0; i < 5; ++i) add("", 0);
    add("q", 1);
    add("r", 2);
    EXPECT_EQ(take_all(), "0 q0 r0 1 2 3 4");
}

TEST_F(Tracker, no_more_calls_than_are_allowed) {
    WorkTracker narrow(WorkLimits{.calls_max = 2});
    narrow.begin(PartitionProgress(OffsetMap(0)));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(narrow.add(0, WorkTracker::none, i, 1));
    Ticket a = 0;
    Ticket b = 0;
    EXPECT_EQ(narrow.take({&a, 1}), 1U);
    EXPECT_EQ(narrow.take({&b, 1}), 1U);
    EXPECT_FALSE(narrow.has_ready());
    EXPECT_EQ(narrow.take({&b, 1}), 0U);
    narrow.finish({&a, 1});
    EXPECT_TRUE(narrow.has_ready());
}

TEST_F(Tracker, what_is_set_aside_is_no_call_and_holds_back_only_its_key) {
    WorkTracker narrow(WorkLimits{.calls_max = 1, .records_max = 8});
    narrow.begin(PartitionProgress(OffsetMap(0)));
    const auto a = WorkTracker::chain_of(0, "a");
    for (std::int64_t i = 0; i < 2; ++i) ASSERT_TRUE(narrow.add(0, a, i, 1));
    ASSERT_TRUE(narrow.add(0, WorkTracker::chain_of(0, "b"), 2, 1));
    Ticket poison = 0;
    ASSERT_EQ(narrow.take({&poison, 1}), 1U);
    narrow.set_aside({&poison, 1});
    EXPECT_EQ(narrow.calls(), 0U);
    EXPECT_EQ(narrow.aside(), 1U);
    EXPECT_EQ(narrow.running(0), 1U);
    narrow.park({&poison, 1});
    EXPECT_EQ(narrow.running(0), 0U) << "nobody waits for it when the partition goes";
    Ticket other = 0;
    ASSERT_EQ(narrow.take({&other, 1}), 1U);
    narrow.finish({&other, 1});
    EXPECT_EQ(narrow.progress(0).watermark(), 0);
    EXPECT_EQ(narrow.ready(), 0U) << "the next of its key waits";
    EXPECT_EQ(narrow.records(), 2U) << "of what is bounded";
    narrow.unpark({&poison, 1});
    narrow.settle({&poison, 1});
    EXPECT_EQ(narrow.aside(), 0U);
    ASSERT_EQ(narrow.take({&other, 1}), 1U);
    narrow.finish({&other, 1});
    EXPECT_EQ(narrow.progress(0).watermark(), 3);
}

TEST_F(Tracker, a_retry_waits_and_holds_back_only_its_key) {
    tracker.begin(PartitionProgress(OffsetMap(0)));
    for (const char* key : {"a", "a", "b", "b"}) add(key);
    EXPECT_EQ(take_all(), "a0 b2");
    const auto now = TimePoint() + 1h;
    EXPECT_TRUE(tracker.retry(calls[0], now + 5s).empty());
    tracker.finish(calls[1]);
    EXPECT_EQ(take_all(), "b3");
    EXPECT_EQ(tracker.next_due(), now + 5s);
    EXPECT_EQ(tracker.wake(now + 4s), 0U);
    EXPECT_EQ(take_all(), "");
    EXPECT_EQ(tracker.wake(now + 5s), 1U);
    EXPECT_EQ(tracker.next_due(), std::nullopt);
    EXPECT_EQ(take_all(), "a0");
    EXPECT_EQ(tracker.attempts(calls.back()[0]), 2U);
    tracker.finish(calls.back());
    EXPECT_EQ(take_all(), "a1");
}

TEST_F(Tracker, retries_come_when_they_are_due_and_before_what_is_new) {
    tracker.begin(PartitionProgress(OffsetMap(0)));
    for (int i = 0; i < 3; ++i) add("");
    EXPECT_EQ(take_all(), "0 1 2");
    const auto now = TimePoint() + 1h;
    (void)tracker.retry(calls[0], now + 3s);
    (void)tracker.retry(calls[1], now + 1s);
    (void)tracker.retry(calls[2], now + 2s);
    add("");
    EXPECT_EQ(tracker.wake(now + 1s), 1U);
    EXPECT_EQ(take_all(), "1 3");
    EXPECT_EQ(tracker.wake(now + 9s), 2U);
    EXPECT_EQ(tracker.waiting_for_retry(), 0U);
    EXPECT_EQ(take_all(), "0 2");
}

TEST_F(Tracker, a_batch_has_a_key_in_order_and_is_tried_again_one_by_one) {
    tracker.begin(PartitionProgress(OffsetMap(0)));
    for (const char* key : {"a", "a", "b", "a"}) add(key);
    const auto call = take(3);
    EXPECT_EQ(text_of(call), "a0 a1 a3");
    const auto other = take(3);
    EXPECT_EQ(text_of(other), "b2");
    const auto now = TimePoint() + 1h;
    (void)tracker.retry(call, now);
    EXPECT_EQ(text_of(take(3)), "");
    EXPECT_EQ(tracker.wake(now), 1U) << "its first brings the others";
    add("c");
    const auto first = take(3);
    EXPECT_EQ(text_of(first), "a0");
    EXPECT_EQ(text_of(take(3)), "c4") << "a1 is behind it";
    tracker.finish(first);
    const auto second = take(3);
    EXPECT_EQ(text_of(second), "a1");
    tracker.finish(second);
    EXPECT_EQ(text_of(take(3)), "a3");
}

TEST_F(Tracker, wants_no_more_until_half_is_done) {
    tracker.begin(PartitionProgress(OffsetMap(0)));
    for (int i = 0; i < 8; ++i) {
        EXPECT_TRUE(tracker.wants_more());
        add("");
    }
    EXPECT_FALSE(tracker.wants_more());
    take_all();
    for (std::size_t i = 0; i < 3; ++i) tracker.finish(calls[i]);
    EXPECT_FALSE(tracker.wants_more()) << "5 of 8";
    tracker.finish(calls[3]);
    EXPECT_TRUE(tracker.wants_more());
    WorkTracker small(WorkLimits{.bytes_max = 100});
    small.begin(PartitionProgress(OffsetMap(0)));
    ASSERT_TRUE(small.add(0, WorkTracker::none, 0, 100));
    EXPECT_FALSE(small.wants_more());
}

TEST_F(Tracker, what_is_given_back_is_not_handed_out) {
    tracker.begin(PartitionProgress(OffsetMap(0)));
    tracker.begin(PartitionProgress(OffsetMap(0)));
    add("a", 0), add("a", 0), add("b", 0), add("c", 0), add("z", 1);
    const auto a = take();
    (void)take();
    const auto b = take();
    EXPECT_EQ(text_of(a) + text_of(b), "a0b2");
    (void)tracker.retry(b, TimePoint() + 1h);
    tracker.stop(0);
    EXPECT_EQ(tracker.ready(), 0U);
    EXPECT_EQ(tracker.running(0), 1U);
    EXPECT_EQ(text_of(take()), "");
    tracker.finish(a);
    EXPECT_EQ(tracker.running(0), 0U);
    EXPECT_EQ(text_of(take()), "") << "not the next of the key either";
    EXPECT_EQ(tracker.progress(0).watermark(), 1);
    EXPECT_EQ(tracker.end(0).size(), 3U);
    EXPECT_EQ(tracker.next_due(), std::nullopt);
    EXPECT_EQ(tracker.records(), 1U);
}

TEST_F(Tracker, who_ends_after_his_partition_has_gone_changes_nothing) {
    tracker.begin(PartitionProgress(OffsetMap(0)));
    add("a"), add("a"), add("b");
    const auto a = take();
    const auto b = take();
    EXPECT_EQ(tracker.end(0).size(), 1U);
    EXPECT_FALSE(tracker.is_ours(a[0]));
    const auto again = tracker.begin(PartitionProgress(OffsetMap(1)));
    EXPECT_NE(again, 0U) << "its place is taken until they have ended";
    tracker.finish(a);
    EXPECT_EQ(tracker.retry(b, TimePoint()).size(), 1U);
    EXPECT_EQ(tracker.next_due(), std::nullopt);
    EXPECT_EQ(tracker.records(), 0U);
    EXPECT_EQ(tracker.progress(again).watermark(), 1);
    EXPECT_EQ(tracker.begin(PartitionProgress(OffsetMap(0))), 0U);
}

TEST_F(Tracker, what_a_committed_map_has_is_not_done_again) {
    OffsetMap map(0);
    map.append(false, 1);
    map.append(true, 2);
    tracker.begin(PartitionProgress(map));
    EXPECT_TRUE(tracker.add(0, WorkTracker::none, 0, 1));
    EXPECT_FALSE(tracker.add(0, WorkTracker::none, 1, 1));
    EXPECT_FALSE(tracker.add(0, WorkTracker::none, 2, 1));
    EXPECT_TRUE(tracker.add(0, WorkTracker::none, 3, 1));
    EXPECT_EQ(tracker.records(), 2U);
}

}  // namespace
}  // namespace ottla::client
