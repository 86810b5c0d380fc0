// SPDX-License-Identifier: Apache-2.0
#include "client/producer/accumulator.hpp"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <ottla/protocol/record_batch.hpp>

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

ProducerConfig settings() {
    Config config{{"bootstrap.servers", "b"}};
    return producer_config(config).value();
}

class AccumulatorTest : public testing::Test {
protected:
    Accumulator& accumulator() {
        if (!accumulator_)
            accumulator_ = std::make_unique<Accumulator>(
                config, clock, pool, 1, [this] { ++wakes; }, std::move(partitioner));
        return *accumulator_;
    }
    Result<void> add(std::string_view topic, std::int32_t partition, std::string_view value, BytesView key = {}) {
        Record r;
        r.topic = topic;
        r.partition = partition;
        r.key = key;
        r.value = value;
        return accumulator().append(r, [this](const DeliveryReport&) { ++reports; });
    }
    Accumulator::Plan& plan() {
        accumulator().plan(clock.now(), plan_);
        return plan_;
    }
    static std::vector<std::string> values(Batch& batch) {
        std::vector<std::string> out;
        const Buffer bytes = batch.builder.finish();
        auto records = protocol::RecordBatchView::parse(bytes.span())->records();
        for (protocol::RecordView r; records.next(r);) out.emplace_back(as_text(*r.value));
        return out;
    }
    BatchPtr take(PartitionQueue& queue) {
        std::vector<BatchPtr> taken;
        accumulator().take({{&queue}}, false, taken);
        return std::move(taken.at(0));
    }
    // Takes the first batch of the first ready queue, as if it were sent and answered.
    std::vector<std::string> send_one() {
        auto& p = plan();
        if (p.ready.empty()) return {"(nothing ready)"};
        PartitionQueue& queue = *p.ready.front().queue;
        BatchPtr batch = take(queue);
        auto sent = values(*batch);
        accumulator().land(queue, batch->place);
        accumulator().reported(batch->count());
        accumulator().recycle(std::move(batch));
        return sent;
    }
    using Values = std::vector<std::string>;

    ProducerConfig config = settings();
    PartitionerFunction partitioner;
    base::ManualClock clock;
    base::BufferPool pool{1 << 20};
    int wakes = 0;
    int reports = 0;
    std::unique_ptr<Accumulator> accumulator_;
    Accumulator::Plan plan_;
    const std::vector<BrokerId> two_leaders{1, 2};
};

TEST_F(AccumulatorTest, lingers_then_is_ready) {
    accumulator().set_leaders("t", two_leaders);
    ASSERT_TRUE(add("t", 0, "a"));
    EXPECT_EQ(wakes, 1) << "the loop must set its timer";
    ASSERT_TRUE(add("t", 0, "b"));
    EXPECT_EQ(wakes, 1);
    EXPECT_TRUE(plan().ready.empty());
    EXPECT_EQ(plan().next, clock.now() + 5ms);
    clock.advance(5ms);
    ASSERT_EQ(plan().ready.size(), 1U);
    EXPECT_EQ(plan().ready[0].leader, 1);
    EXPECT_EQ(send_one(), (Values{"a", "b"}));
    EXPECT_TRUE(plan().ready.empty());
    EXPECT_EQ(accumulator().unreported(), 0U);
}

TEST_F(AccumulatorTest, a_full_batch_does_not_linger) {
    config.batch_messages_max = 2;
    accumulator().set_leaders("t", two_leaders);
    for (const char* v : {"a", "b", "c"}) ASSERT_TRUE(add("t", 0, v));
    EXPECT_EQ(wakes, 2);
    EXPECT_EQ(send_one(), (Values{"a", "b"}));
    EXPECT_EQ(send_one(), (Values{"(nothing ready)"}));
    accumulator().set_flushing(true);
    EXPECT_EQ(send_one(), (Values{"c"}));
}

TEST_F(AccumulatorTest, closes_a_batch_at_its_size) {
    config.batch_bytes_max = 1000;
    accumulator().set_leaders("t", two_leaders);
    const std::string value(300, 'v');
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(add("t", 1, value));
    EXPECT_EQ(send_one().size(), 2U);
    EXPECT_EQ(send_one().size(), 2U);
}

TEST_F(AccumulatorTest, one_batch_of_a_partition_is_in_flight) {
    config.batch_messages_max = 1;
    accumulator().set_leaders("t", two_leaders);
    for (const char* v : {"a", "b"}) ASSERT_TRUE(add("t", 0, v));
    PartitionQueue& queue = *plan().ready.at(0).queue;
    BatchPtr batch = take(queue);
    EXPECT_TRUE(plan().ready.empty());
    const auto again = clock.now() + 100ms;
    accumulator().retry(std::move(batch), again);
    EXPECT_TRUE(plan().ready.empty());
    EXPECT_EQ(plan().next, again);
    clock.advance(100ms);
    EXPECT_EQ(send_one(), (Values{"a"})) << "the order holds";
    EXPECT_EQ(send_one(), (Values{"b"}));
}

TEST_F(AccumulatorTest, refuses_at_its_limits_and_keeps_the_callback) {
    config.queue_messages_max = 2;
    accumulator().set_leaders("t", two_leaders);
    ASSERT_TRUE(add("t", 0, "a"));
    ASSERT_TRUE(add("t", 1, "b"));
    EXPECT_EQ(add("t", 0, "c").error(), ErrorCode::queue_full);
    EXPECT_FALSE(accumulator().has_room());
    clock.advance(5ms);
    EXPECT_EQ(send_one(), (Values{"a"}));
    EXPECT_TRUE(accumulator().has_room());
    EXPECT_TRUE(add("t", 0, "c"));

    config.queue_bytes_max = 10;
    EXPECT_EQ(add("t", 0, std::string(20, 'x')).error(), ErrorCode::queue_full);
    EXPECT_EQ(add("t", 0, std::string(2'000'000, 'x')).error(), ErrorCode::message_too_large);
    EXPECT_EQ(add("t", 7, "x").error(), ErrorCode::queue_full);
    config.queue_messages_max = 0;
    config.queue_bytes_max = 1 << 20;
    EXPECT_EQ(add("t", 7, "x").error(), ErrorCode::unknown_partition);
    EXPECT_EQ(add("", 0, "x").error(), ErrorCode::invalid_argument);
    EXPECT_EQ(add("t", -2, "x").error(), ErrorCode::invalid_argument);
    accumulator().refuse(Error::of(ErrorCode::closed));
    EXPECT_EQ(add("t", 0, "x").error(), ErrorCode::closed);
}

TEST_F(AccumulatorTest, has_room_for_a_record_when_it_fits) {
    config.queue_bytes_max = 100;
    EXPECT_TRUE(accumulator().has_room(1000)) << "one record always has its place";
    ASSERT_TRUE(add("t", 0, std::string(60, 'x')));
    EXPECT_TRUE(accumulator().has_room());
    EXPECT_TRUE(accumulator().has_room(40));
    EXPECT_FALSE(accumulator().has_room(41));
}

TEST_F(AccumulatorTest, refuses_names_that_kafka_does_not_allow_and_keeps_nothing_of_them) {
    for (const std::string& bad : {std::string("."), std::string(".."), std::string("a b"), std::string("a/b"),
                                   std::string("ä"), std::string(250, 'x')}) {
        const auto refused = add(bad, 0, "v");
        EXPECT_EQ(refused.error(), ErrorCode::invalid_topic_exception) << bad;
        EXPECT_EQ(add(bad, 0, "v").error(), ErrorCode::invalid_topic_exception) << "and again: " << bad;
    }
    EXPECT_NE(add("a b", 0, "v").error().text().find("a b"), std::string_view::npos);
    EXPECT_EQ(accumulator().unreported(), 0U);
    EXPECT_TRUE(plan().unresolved.empty());
    EXPECT_TRUE(add("...", 0, "v"));
    EXPECT_TRUE(add(std::string(249, 'x'), 0, "v"));
}

TEST_F(AccumulatorTest, refuses_a_header_without_a_name) {
    const Header headers[] = {{"h", "1"}, {"", "2"}};
    Record r;
    r.topic = "t";
    r.headers = headers;
    EXPECT_EQ(accumulator().append(r, nullptr).error(), ErrorCode::invalid_argument);
    EXPECT_EQ(accumulator().unreported(), 0U);
}

TEST_F(AccumulatorTest, records_wait_for_their_topic_and_move_on_in_order) {
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(add("new", i % 2, std::to_string(i), "k"));
    ASSERT_TRUE(add("new", 9, "nowhere"));
    EXPECT_EQ(plan().unresolved, (std::vector<std::string>{"new"}));
    EXPECT_TRUE(plan().unresolved.empty()) << "asked once";
    EXPECT_EQ(accumulator().unreported(), 7U);
    auto rejected = accumulator().set_leaders("new", two_leaders);
    ASSERT_EQ(rejected.size(), 1U);
    EXPECT_EQ(rejected[0]->partition, 9);
    EXPECT_EQ(rejected[0]->count(), 1U);
    clock.advance(5ms);
    EXPECT_EQ(send_one(), (Values{"0", "2", "4"}));
    EXPECT_EQ(send_one(), (Values{"1", "3", "5"}));
    EXPECT_EQ(accumulator().unreported(), 1U);
}

TEST_F(AccumulatorTest, keeps_headers_and_nulls_of_waiting_records) {
    const Header headers[] = {{"h", "1"}, {"n", nullptr}};
    Record r;
    r.topic = "new";
    r.headers = headers;
    r.timestamp_ms = 77;
    ASSERT_TRUE(accumulator().append(r, nullptr));
    accumulator().set_leaders("new", two_leaders);
    accumulator().set_flushing(true);
    BatchPtr batch = take(*plan().ready.at(0).queue);
    EXPECT_EQ(batch->events(), 1U);
    const Buffer bytes = batch->builder.finish();
    auto records = protocol::RecordBatchView::parse(bytes.span())->records();
    protocol::RecordView view;
    ASSERT_TRUE(records.next(view));
    EXPECT_FALSE(view.key || view.value);
    EXPECT_EQ(view.timestamp, 77);
    protocol::RecordHeaderView h;
    ASSERT_TRUE(view.headers.next(h));
    EXPECT_EQ(as_text(*h.value), "1");
    ASSERT_TRUE(view.headers.next(h));
    EXPECT_FALSE(h.value);
}

TEST_F(AccumulatorTest, gives_up_a_topic_and_asks_again_for_the_next_record) {
    ASSERT_TRUE(add("gone", 0, "a"));
    EXPECT_EQ(plan().unresolved.size(), 1U);
    EXPECT_EQ(accumulator().give_up("gone").size(), 1U);
    EXPECT_TRUE(plan().unresolved.empty());
    ASSERT_TRUE(add("gone", 0, "b"));
    EXPECT_EQ(plan().unresolved.size(), 1U);
}

TEST_F(AccumulatorTest, records_expire_wherever_they_wait) {
    config.delivery_timeout = 1s;
    accumulator().set_leaders("t", std::vector<BrokerId>{no_broker});
    ASSERT_TRUE(add("t", 0, "a"));
    ASSERT_TRUE(add("unknown", 0, "b"));
    clock.advance(5ms);
    EXPECT_TRUE(plan().leaderless);
    EXPECT_GT(plan().next, clock.now());
    clock.advance(995ms);
    EXPECT_EQ(plan().expired.size(), 2U);
    EXPECT_TRUE(plan().expired.empty());
}

TEST_F(AccumulatorTest, takes_everything_out) {
    accumulator().set_leaders("t", two_leaders);
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(add("t", i % 2, "v"));
    ASSERT_TRUE(add("unknown", 0, "b"));
    std::size_t records = 0;
    for (const BatchPtr& batch : accumulator().take_all()) records += batch->count();
    EXPECT_EQ(records, 5U);
    clock.advance(1s);
    EXPECT_TRUE(plan().ready.empty());
}

TEST_F(AccumulatorTest, keyed_records_go_where_java_puts_them) {
    accumulator().set_leaders("t", two_leaders);
    ASSERT_TRUE(add("t", any_partition, "v", "foobar"));
    accumulator().set_flushing(true);
    const auto expected = (-790332482 & 0x7fffffff) % 2;
    EXPECT_EQ(plan().ready.at(0).queue->partition, expected);
}

TEST_F(AccumulatorTest, keyless_records_avoid_partitions_without_a_leader) {
    accumulator().set_leaders("t", std::vector<BrokerId>{no_broker, no_broker, 4, no_broker});
    for (int i = 0; i < 20; ++i) {
        clock.advance(1s);
        ASSERT_TRUE(add("t", any_partition, "v"));
    }
    EXPECT_EQ(plan().ready.size(), 1U);
    EXPECT_FALSE(plan().leaderless);
}

TEST_F(AccumulatorTest, round_robin_takes_the_partitions_in_turn_whatever_the_key) {
    config.partitioner = Partitioner::round_robin;
    config.batch_messages_max = 1;
    for (const char* v : {"0", "1"}) ASSERT_TRUE(add("t", any_partition, v, "the same key"));
    accumulator().set_leaders("t", std::vector<BrokerId>{1, 2, no_broker, 4});
    for (const char* v : {"2", "3", "4", "5"}) ASSERT_TRUE(add("t", any_partition, v, "the same key"));
    std::map<std::int32_t, Values> sent;
    for (auto* p = &plan(); !p->ready.empty(); p = &plan()) {
        const std::int32_t partition = p->ready.front().queue->partition;
        sent[partition].push_back(send_one().at(0));
    }
    EXPECT_EQ(sent, (std::map<std::int32_t, Values>{{0, {"0", "3"}}, {1, {"1", "4"}}, {3, {"2", "5"}}}));
}

TEST_F(AccumulatorTest, keyless_records_go_where_little_is_queued) {
    config.batch_messages_max = 1;
    config.sticky_linger = 1ms;
    accumulator().set_leaders("t", two_leaders);
    for (int i = 0; i < 9; ++i) ASSERT_TRUE(add("t", 0, "what its broker does not take"));
    std::map<std::int32_t, int> chosen;
    for (int i = 0; i < 1000; ++i) {
        clock.advance(1ms);
        ASSERT_TRUE(add("t", any_partition, "v"));
        for (const auto& ready : plan().ready) {
            const auto& last = *ready.queue->batches.back();
            if (ready.queue->partition == 0 && ready.queue->batches.size() == 9) continue;
            ++chosen[ready.queue->partition];
            BatchPtr gone = std::move(ready.queue->batches.back());
            ready.queue->batches.pop_back();
            ASSERT_EQ(last.count(), 1U);
            accumulator().recycle(std::move(gone));
        }
    }
    EXPECT_EQ(chosen[0] + chosen[1], 1000);
    // The weights are 1 and 10.
    EXPECT_GT(chosen[0], 50);
    EXPECT_LT(chosen[0], 140);
}

TEST_F(AccumulatorTest, keyless_records_avoid_a_partition_whose_last_attempt_failed) {
    config.batch_messages_max = 1;
    config.sticky_linger = 1ms;
    accumulator().set_leaders("t", two_leaders);
    ASSERT_TRUE(add("t", 0, "v"));
    PartitionQueue& queue = *plan().ready.at(0).queue;
    accumulator().retry(take(queue), clock.now() + 1h);
    for (int i = 0; i < 100; ++i) {
        clock.advance(1ms);
        ASSERT_TRUE(add("t", any_partition, "v"));
    }
    EXPECT_EQ(queue.batches.size(), 1U);
}

TEST_F(AccumulatorTest, keyless_records_fill_whole_batches) {
    config.batch_bytes_max = 1000;
    config.sticky_linger = 1h;
    config.linger = 1h;
    accumulator().set_leaders("t", std::vector<BrokerId>{1, 2, 3, 4});
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(add("t", any_partition, std::string(40, 'v')));
    for (std::size_t records = send_one().size(); plan().ready.size() > 1; records = send_one().size())
        EXPECT_GE(records, 12U) << "a batch that was left unfinished";
}

TEST_F(AccumulatorTest, a_users_partitioner_decides) {
    std::vector<std::string> asked;
    partitioner = [&](const Record& r, std::int32_t count) {
        asked.push_back(to_string(r) + " of " + std::to_string(count));
        EXPECT_EQ(r.headers.size(), r.key.is_null() ? 0U : 1U);
        EXPECT_TRUE(accumulator().has_room()) << "takes the mutex, which is free";
        return std::stoi(std::string(r.value.text()));
    };
    const Header headers[] = {{"h", "1"}};
    Record waits;
    waits.topic = "t";
    waits.key = "k";
    waits.value = "1";
    waits.headers = headers;
    ASSERT_TRUE(accumulator().append(waits, nullptr));
    ASSERT_TRUE(add("t", 0, "1")) << "it names its partition itself";
    ASSERT_TRUE(add("t", any_partition, "-1"));
    ASSERT_TRUE(add("t", any_partition, "2"));
    EXPECT_TRUE(asked.empty());
    const auto rejected = accumulator().set_leaders("t", two_leaders);
    ASSERT_EQ(rejected.size(), 2U);
    EXPECT_EQ(rejected[0]->partition, -1);
    EXPECT_EQ(rejected[1]->partition, 2);
    EXPECT_EQ(asked, (Values{"t key=k value=1 of 2", "t key=null value=-1 of 2", "t key=null value=2 of 2"}));
    ASSERT_TRUE(add("t", any_partition, "0"));
    for (const char* bad : {"-1", "2"}) {
        const auto refused = add("t", any_partition, bad);
        EXPECT_EQ(refused.error(), ErrorCode::unknown_partition);
        EXPECT_NE(refused.error().text().find(std::string("there is no partition ") + bad), std::string_view::npos)
            << refused.error().text();
    }
    clock.advance(1s);
    EXPECT_EQ(send_one(), (Values{"1"}));
    EXPECT_EQ(send_one(), (Values{"1", "0"}));
    asked.clear();
    accumulator().refuse(Error::of(ErrorCode::closed));
    EXPECT_EQ(add("t", any_partition, "0").error(), ErrorCode::closed);
    EXPECT_TRUE(asked.empty());
}

TEST_F(AccumulatorTest, what_comes_while_the_users_partitioner_is_asked_keeps_its_place) {
    int more = 3;
    partitioner = [&](const Record&, std::int32_t) {
        const bool one_more = more-- > 0;
        EXPECT_TRUE(!one_more || add("t", any_partition, "later"));
        return 1;
    };
    ASSERT_TRUE(add("t", any_partition, "first"));
    ASSERT_TRUE(add("t", any_partition, "second"));
    accumulator().set_leaders("t", two_leaders);
    ASSERT_TRUE(add("t", any_partition, "last"));
    clock.advance(1s);
    EXPECT_EQ(send_one(), (Values{"first", "second", "later", "later", "later", "last"}));
    EXPECT_TRUE(plan().unresolved.empty());
}

}  // namespace
}  // namespace ottla::client
