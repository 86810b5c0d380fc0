// SPDX-License-Identifier: Apache-2.0
// The machine's clock is set back: what is stamped, kept and forgotten by it, over whole brokers. Offsets stay in
// order, and nothing goes before its time.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/dump/verify.hpp"
#include "tests/broker/embedded/simulated_cluster.hpp"
#include "tests/broker/embedded/topic_calls.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class ClockBackTest : public testing::Test {
protected:
    ClockBackTest() { cluster.start(); }

    void make_topic(const Configs& configs) { create_topic(cluster, "t", configs); }
    std::shared_ptr<Partition> partition() {
        const PartitionKey key{cluster.image().topic("t")->id, 0};
        return cluster.core().broker(1)->node().owner_of(key).find(key);
    }
    std::int64_t wall_ms() { return cluster.loop().timers.wall_ms(); }
    void set_clock(std::chrono::milliseconds by) { cluster.loop().timers.step_wall(by.count()); }
    void pass(std::chrono::milliseconds time) { cluster.loop().run_for(time); }

    // A batch of one record with the time of now.
    void append(std::optional<std::string_view> key, std::optional<std::string_view> value,
                std::int64_t producer_id = -1) {
        const auto span = [](const auto& text) {
            return text ? protocol::NullableSpan(as_bytes(*text)) : std::nullopt;
        };
        protocol::RecordBatchBuilder builder{Buffer(256)};
        builder.append(wall_ms(), span(key), span(value));
        protocol::BatchStamp stamp;
        stamp.producer_id = producer_id;
        if (producer_id >= 0) stamp.producer_epoch = 0;
        if (producer_id >= 0) stamp.base_sequence = 0;
        const auto batch = builder.finish(stamp).freeze();
        const auto at = partition();
        ASSERT_TRUE(at->append(batch.span(), log::Origin::client, at->leader_epoch(), wall_ms()));
    }

    struct Stored {
        std::int64_t offset;
        std::string key, value;
        std::int64_t timestamp;
    };
    // All records, as they lie in the log.
    std::vector<Stored> stored() {
        std::vector<Stored> all;
        const auto& log = partition()->log();
        for (std::int64_t offset = log.start_offset(); offset < log.end().offset;) {
            const auto slice = log.plan_read(offset, 1 << 20, log.end()).value().run().value();
            if (slice.range.length == 0) break;
            const auto bytes = slice.range.read().value();
            protocol::RecordBatchReader batches(bytes);
            for (auto batch = batches.next(); batch && *batch; batch = batches.next()) {
                auto records = (*batch)->records();
                for (protocol::RecordView record; records.next(record);) {
                    all.push_back({record.offset, record.key ? std::string(as_text(*record.key)) : "-",
                                   record.value ? std::string(as_text(*record.value)) : "-", record.timestamp});
                }
                offset = (*batch)->header().next_offset();
            }
        }
        return all;
    }
    std::vector<std::int64_t> offsets() {
        std::vector<std::int64_t> all;
        for (const auto& one : stored()) all.push_back(one.offset);
        return all;
    }
    std::vector<std::string> values_of(std::string_view key) {
        std::vector<std::string> all;
        for (const auto& one : stored()) {
            if (one.key == key) all.push_back(one.value);
        }
        return all;
    }
    // As `ottla log verify` does.
    std::string found_wrong() {
        std::string text;
        const log::dump::TextSink say = [&](std::string_view line) {
            text += line;
            return true;
        };
        const auto directory = cluster.core().broker(1)->directory().path();
        const auto verified = log::dump::verify_directory(cluster.disk(1), directory, say);
        return verified ? text : std::string(verified.error().text());
    }

    SimulatedCluster cluster{1,
                             1,
                             {"producer.id.expiration.ms=60000", "producer.id.expiration.check.interval.ms=1000",
                              "log.cleaner.backoff.ms=1000", "log.retention.check.interval.ms=1000"}};
};

TEST_F(ClockBackTest, times_of_the_broker_go_back_and_offsets_go_on) {
    make_topic({{"message.timestamp.type", "LogAppendTime"},
                {"internal.segment.bytes", "1000"},
                {"segment.ms", "60000"},
                {"index.interval.bytes", "1"},
                {"retention.ms", "-1"}});
    std::vector<std::int64_t> expected, times;
    for (std::int64_t i = 0; i < 20; ++i) {
        if (i % 5 == 4) set_clock(-1h);
        const std::int64_t before = wall_ms();
        ASSERT_EQ(cluster.produce(1, "t", 0, std::string(200, 'v')), ErrorCode::none);
        expected.push_back(i);
        times.push_back(stored().back().timestamp);
        EXPECT_GE(times.back(), before);
        EXPECT_LE(times.back(), wall_ms());
    }
    EXPECT_LT(times.back(), times.front());
    EXPECT_EQ(offsets(), expected);
    // By time it is the first that is not older, and the first with the latest.
    const auto& log = partition()->log();
    const auto latest = std::ranges::max_element(times);
    EXPECT_EQ(log.plan_max_timestamp(log.end()).run().value()->offset, latest - times.begin());
    EXPECT_EQ(log.plan_time(*latest, log.end()).run().value()->offset, latest - times.begin());
    EXPECT_EQ(log.plan_time(times.back(), log.end()).run().value()->offset, 0);
    EXPECT_EQ(log.plan_time(*latest + 1, log.end()).run().value(), std::nullopt);
    cluster.stop();
    cluster.start();
    EXPECT_EQ(offsets(), expected);
    EXPECT_EQ(found_wrong(), "");
    ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
    base::Random random(5);
    cluster.disk(1).crash(random);
    set_clock(-1h);
    ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    EXPECT_EQ(offsets(), expected);
    EXPECT_EQ(cluster.produce(1, "t", 0, "v"), ErrorCode::none);
    EXPECT_EQ(stored().back().offset, 20);
    EXPECT_EQ(found_wrong(), "");
}

// What seems to be of the future is kept until the clock has come so far, and so is all behind it: a log loses its
// oldest first.
TEST_F(ClockBackTest, retention_waits) {
    make_topic(
        {{"message.timestamp.type", "LogAppendTime"}, {"internal.segment.bytes", "100"}, {"retention.ms", "3600000"}});
    for (int i = 0; i < 4; ++i) ASSERT_EQ(cluster.produce(1, "t", 0, "early"), ErrorCode::none);
    set_clock(-24h);
    pass(2h);
    EXPECT_THAT(offsets(), ElementsAre(0, 1, 2, 3));
    for (int i = 0; i < 3; ++i) ASSERT_EQ(cluster.produce(1, "t", 0, "late"), ErrorCode::none);
    pass(2h);
    EXPECT_EQ(partition()->log_start_offset(), 0);
    EXPECT_EQ(offsets().size(), 7U);
    set_clock(20h + 30min);  // half an hour after the first ones
    pass(10min);
    EXPECT_EQ(offsets().size(), 7U);
    pass(30min);
    EXPECT_EQ(partition()->log_start_offset(), 7);
    EXPECT_THAT(offsets(), IsEmpty());
    ASSERT_EQ(cluster.produce(1, "t", 0, "new"), ErrorCode::none);
    EXPECT_THAT(offsets(), ElementsAre(7));
}

TEST_F(ClockBackTest, a_tombstone_stays_until_the_clock_has_passed_its_horizon) {
    make_topic({{"cleanup.policy", "compact"},
                {"internal.segment.bytes", "400"},
                {"min.cleanable.dirty.ratio", "0.01"},
                {"delete.retention.ms", "3600000"}});
    const auto clean = [this] {
        for (int i = 0; i < 8; ++i) append("other", std::string(100, 'v'));
        pass(1min);
    };
    append("gone", "value");
    append("gone", std::nullopt);
    clean();
    EXPECT_THAT(values_of("gone"), ElementsAre("-"));
    set_clock(-2h);
    for (int i = 0; i < 4; ++i) {
        clean();
        EXPECT_THAT(values_of("gone"), ElementsAre("-"));
        pass(40min);
    }
    pass(30min);
    clean();
    EXPECT_THAT(values_of("gone"), IsEmpty());
    EXPECT_EQ(values_of("other").back(), std::string(100, 'v'));
    EXPECT_EQ(found_wrong(), "");
}

TEST_F(ClockBackTest, producers_are_not_forgotten_early) {
    make_topic({});
    append(std::nullopt, "v", 7);
    set_clock(-1h);
    append(std::nullopt, "v", 8);
    pass(50s);
    const auto& producers = partition()->log().producers();
    EXPECT_NE(producers.find(7), nullptr);
    EXPECT_NE(producers.find(8), nullptr);
    pass(15s);
    EXPECT_NE(producers.find(7), nullptr);
    EXPECT_EQ(producers.find(8), nullptr);
    pass(50min);
    EXPECT_NE(producers.find(7), nullptr);
    set_clock(1h);
    pass(2s);
    EXPECT_EQ(producers.find(7), nullptr);
    append(std::nullopt, "v", 9);
    EXPECT_NE(producers.find(9), nullptr);
    EXPECT_EQ(partition()->log_end_offset(), 3);
}

}  // namespace
}  // namespace ottla::broker
