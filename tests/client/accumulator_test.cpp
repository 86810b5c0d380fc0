// SPDX-License-Identifier: Apache-2.0
#include "client/producer/accumulator.hpp"

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
        if (!accumulator_) accumulator_ = std::make_unique<Accumulator>(config, clock, pool, 1, [this] { ++wakes; });
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
    // Takes the first batch of the first ready queue, as if it were sent and answered.
    std::vector<std::string> send_one() {
        auto& p = plan();
        if (p.ready.empty()) return {"(nothing ready)"};
        PartitionQueue& queue = *p.ready.front().queue;
        BatchPtr batch = accumulator().take(queue);
        auto sent = values(*batch);
        accumulator().land(queue, batch->place);
        accumulator().reported(batch->count());
        accumulator().recycle(std::move(batch));
        return sent;
    }
    using Values = std::vector<std::string>;

    ProducerConfig config = settings();
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
    BatchPtr batch = accumulator().take(queue);
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
    BatchPtr batch = accumulator().take(*plan().ready.at(0).queue);
    EXPECT_EQ(batch->events, 1U);
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
    EXPECT_EQ(plan().next, base::TimePoint{} + 1s);
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

}  // namespace
}  // namespace ottla::client
