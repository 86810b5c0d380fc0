// SPDX-License-Identifier: Apache-2.0
// The priority consumer against a real broker in this process, on real sockets.
#include <ottla/priority_consumer.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <ottla/admin.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/producer.hpp>

#include "tests/client/write_records.hpp"

namespace ottla {
namespace {

using namespace std::chrono_literals;
using broker::Cluster;

class PriorityBroker : public ::testing::Test {
protected:
    PriorityBroker() {
        for (const char* topic : {"high", "low"}) cluster.create_topic(topic, 2).value();
    }

    // Values "0" … "n-1", half of them in each partition.
    void fill(const char* topic, int n) {
        write_records({{"bootstrap.servers", cluster.bootstrap_servers()}}, n,
                      [&](int i, Record& record, std::string&) {
                          record.topic = topic;
                          record.partition = i % 2;
                      });
    }
    PriorityConsumerConfig config(PriorityOrder order = PriorityOrder::strict) {
        PriorityConsumerConfig c;
        c.brokers = cluster.bootstrap_servers();
        c.group_id = "g";
        c.classes = {{"high", {"high"}, 3}, {"low", {"low"}, 1}};
        c.order = order;
        c.config = {{"auto.offset.reset", "earliest"}, {"fetch.wait.max.ms", 20}};
        return c;
    }
    // Each message of the topic once, in the order of its partition.
    void count(const Message& m) {
        auto& next = next_[{std::string(m.topic()), m.partition()}];
        EXPECT_EQ(m.offset(), next) << m.topic() << m.partition();
        next = m.offset() + 1;
    }
    static Message read(PriorityConsumer& consumer) { return consumer.read_message(20s).value(); }
    // Something of it is there to be read.
    static void wait_until_fetched(PriorityConsumer& consumer, std::size_t which) {
        const auto until = std::chrono::steady_clock::now() + 20s;
        while (consumer.stats().classes[which].lag == 0 && std::chrono::steady_clock::now() < until)
            std::this_thread::yield();
    }
    std::map<std::string, std::int64_t> committed() {
        auto asks = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"group.id", "g"}}).value();
        std::map<std::string, std::int64_t> sums;
        for (const auto& tp : asks.committed({{"high", 0}, {"high", 1}, {"low", 0}, {"low", 1}}, 20s).value())
            sums[tp.topic] += std::max<std::int64_t>(tp.offset.value(), 0);
        return sums;
    }

    void two_members_share(Config how, GroupType);

    // Heartbeats of groups that the broker deals to are its own.
    Cluster cluster = Cluster::start({.config = {"group.consumer.min.heartbeat.interval.ms=100",
                                                 "group.consumer.heartbeat.interval.ms=100"}})
                          .value();
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> next_;
};

TEST_F(PriorityBroker, what_is_urgent_overtakes_what_is_here_already) {
    fill("low", 20'000);
    auto c = config();
    c.buffered_records = 100;
    auto consumer = PriorityConsumer::create(c).value();
    for (int i = 0; i < 500; ++i) {
        const auto m = read(consumer);
        ASSERT_EQ(m.topic(), "low");
        count(m);
    }
    EXPECT_GT(consumer.stats().classes[1].buffered, 0U);
    fill("high", 200);
    wait_until_fetched(consumer, 0);
    int urgent = 0, before = 0;
    for (int i = 0; i < 19'700; ++i) {
        const auto m = read(consumer);
        count(m);
        urgent += m.topic() == "high" ? 1 : 0;
        before += urgent == 0 ? 1 : 0;
    }
    EXPECT_EQ(urgent, 200);
    EXPECT_LT(before, 10'000) << "it is fetched beside the low class, not behind it";
    EXPECT_EQ(consumer.read_message(1ms).error(), ErrorCode::timed_out) << "each came once";
    consumer.close(20s).value();
    EXPECT_EQ(committed(), (std::map<std::string, std::int64_t>{{"high", 200}, {"low", 20'000}}));
}

TEST_F(PriorityBroker, nothing_low_while_high_records_are_here) {
    fill("low", 400);
    fill("high", 400);
    auto consumer = PriorityConsumer::create(config()).value();
    std::uint64_t here = 0;
    for (int i = 0; i < 800; ++i) {
        const auto m = read(consumer);
        count(m);
        EXPECT_TRUE(m.topic() == "high" || consumer.stats().classes[0].buffered == 0) << "had " << here;
        here = consumer.stats().classes[0].buffered;
    }
    const auto stats = consumer.stats();
    EXPECT_EQ(stats.classes[0].handed_out, 400U);
    EXPECT_EQ(stats.classes[1].handed_out, 400U);
    EXPECT_EQ(stats.classes[1].lag, 0U);
    EXPECT_EQ(consumer.describe(), to_string(stats));
    EXPECT_TRUE(consumer.describe().starts_with("high: 400 handed out, 0 here, 0 behind, waits 0 ms\nlow: 400"))
        << consumer.describe();
}

TEST_F(PriorityBroker, weights_share_while_both_have_records) {
    fill("low", 1000);
    fill("high", 1000);
    auto consumer = PriorityConsumer::create(config(PriorityOrder::weighted)).value();
    count(read(consumer));
    wait_until_fetched(consumer, 0);
    wait_until_fetched(consumer, 1);
    int high = 0, low = 0;
    for (int i = 1; i < 2000; ++i) {
        const auto before = consumer.stats();
        const bool both = before.classes[0].buffered > 0 && before.classes[1].buffered > 0;
        const auto m = read(consumer);
        count(m);
        if (both) ++(m.topic() == "high" ? high : low);
    }
    EXPECT_GT(high + low, 200);
    EXPECT_NEAR(high, 3 * low, 8);
}

TEST_F(PriorityBroker, who_starves_gets_a_turn) {
    fill("low", 50);
    fill("high", 50);
    auto c = config();
    c.starvation_limit = 1ms;
    auto consumer = PriorityConsumer::create(c).value();
    count(read(consumer));
    wait_until_fetched(consumer, 0);
    wait_until_fetched(consumer, 1);
    for (int i = 1; i < 100; ++i) {
        count(read(consumer));
        // Work that takes longer than the limit.
        const auto until = std::chrono::steady_clock::now() + 2ms;
        while (std::chrono::steady_clock::now() < until) {
        }
    }
    EXPECT_GT(consumer.stats().classes[1].starved_turns, 0U);
}

TEST_F(PriorityBroker, what_is_buffered_does_not_count_as_done) {
    fill("low", 100);
    {
        auto consumer = PriorityConsumer::create(config()).value();
        for (int i = 0; i < 10; ++i) count(read(consumer));
        EXPECT_EQ(consumer.commit(20s).value().size(), next_.size());
        EXPECT_EQ(committed()["low"], 10) << "the one in hand, too";
        for (int i = 0; i < 10; ++i) count(read(consumer));
        consumer.close(20s).value();
    }
    EXPECT_EQ(committed()["low"], 20);
    auto consumer = PriorityConsumer::create(config()).value();
    for (int i = 0; i < 80; ++i) count(read(consumer));
    EXPECT_EQ(consumer.read_message(1ms).error(), ErrorCode::timed_out) << "nothing is left to read";
}

TEST_F(PriorityBroker, what_was_in_hand_when_it_was_destroyed_is_not_committed) {
    fill("low", 10);
    {
        auto consumer = PriorityConsumer::create(config()).value();
        for (int i = 0; i < 7; ++i) count(read(consumer));
    }
    EXPECT_EQ(committed()["low"], 6);
}

TEST_F(PriorityBroker, a_poll_that_waits_is_ended_by_a_wakeup) {
    auto consumer = PriorityConsumer::create(config()).value();
    Result<Message> ended = Error::of(ErrorCode::failed);
    std::thread thread([&] { ended = consumer.read_message(60s); });
    consumer.wakeup();
    thread.join();
    EXPECT_EQ(ended.error(), ErrorCode::cancelled);
}

TEST_F(PriorityBroker, only_what_is_stored_is_committed_when_asked_so) {
    fill("low", 10);
    auto c = config();
    c.config = {{"auto.offset.reset", "earliest"}, {"enable.auto.offset.store", false}};
    auto consumer = PriorityConsumer::create(c).value();
    std::vector<Message> got;
    for (int i = 0; i < 10; ++i) got.push_back(read(consumer));
    EXPECT_EQ(consumer.commit(20s).error(), ErrorCode::no_offset);
    consumer.store(got[0]).value();
    consumer.close(20s).value();
    EXPECT_EQ(committed()["low"], 1);
    auto stores = PriorityConsumer::create(config()).value();
    EXPECT_EQ(stores.store(got[0]).error(), ErrorCode::invalid_state);
}

void PriorityBroker::two_members_share(Config how, GroupType type) {
    fill("low", 2000);
    auto c = config();
    c.buffered_records = 50;
    for (const auto& [name, value] : how.entries()) c.config.set(name, value).value();
    auto first = PriorityConsumer::create(c).value();
    std::set<std::string> seen;
    std::size_t repeated = 0;
    const auto take = [&](PriorityConsumer& from) {
        const auto event = from.poll(1ms);
        const auto* m = event ? std::get_if<Message>(&*event) : nullptr;
        if (m &&
            !seen.insert(std::string(m->topic()) + std::to_string(m->partition()) + "@" + std::to_string(m->offset()))
                 .second)
            ++repeated;
    };
    while (seen.size() < 100) take(first);
    auto second = PriorityConsumer::create(c).value();
    const auto until = std::chrono::steady_clock::now() + 25s;
    bool is_filled = false;
    while (seen.size() < 2300 && std::chrono::steady_clock::now() < until) {
        take(first);
        take(second);
        if (is_filled || first.consumer().assignment().size() != 2 || second.consumer().assignment().size() != 2)
            continue;
        is_filled = true;
        fill("high", 300);
    }
    EXPECT_EQ(seen.size(), 2300U) << first.describe() << "\n" << second.describe();
    EXPECT_EQ(repeated, 0U) << "what was buffered of a partition that went is handed out by its next owner alone";
    EXPECT_GT(second.stats().classes[1].handed_out, 0U);
    auto admin = Admin::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    EXPECT_EQ(admin.describe_groups({"g"}).value().at(0).type, type);
    first.close(10s).value();
    second.close(10s).value();
    EXPECT_EQ(committed(), (std::map<std::string, std::int64_t>{{"high", 300}, {"low", 2000}}));
}

TEST_F(PriorityBroker, two_members_share_both_classes) {
    two_members_share({{"partition.assignment.strategy", "cooperative-sticky"}}, GroupType::classic);
}

TEST_F(PriorityBroker, two_members_share_both_classes_as_the_broker_deals_them) {
    two_members_share({{"group.protocol", "consumer"}}, GroupType::consumer);
}

TEST_F(PriorityBroker, tells_of_rebalances_by_events_or_callbacks) {
    fill("low", 2);
    auto events = PriorityConsumer::create(config()).value();
    auto event = events.poll(20s);
    ASSERT_TRUE(event && std::holds_alternative<AssignedPartitions>(*event)) << (event ? to_string(*event) : "nothing");
    events.close(20s).value();
    EXPECT_EQ(events.close(1s).error(), ErrorCode::closed);
    event = events.poll(0ms);
    ASSERT_TRUE(event && std::holds_alternative<Error>(*event));

    std::vector<std::string> told;
    PriorityConsumer* itself = nullptr;
    RebalanceCallbacks callbacks;
    callbacks.assigned = [&](Consumer&, std::span<const TopicPartition> p) {
        told.push_back("assigned " + std::to_string(p.size()));
        const auto refused = itself->poll(1s);
        EXPECT_TRUE(refused && std::get<Error>(*refused) == ErrorCode::invalid_state);
        EXPECT_EQ(itself->close(1s).error(), ErrorCode::invalid_state);
    };
    callbacks.revoked = [&](Consumer& c, std::span<const TopicPartition> p) {
        told.push_back("revoked " + std::to_string(p.size()));
        EXPECT_TRUE(c.commit(20s).has_value()) << "what was handed out";
    };
    auto calls = PriorityConsumer::create(config(), {}, std::move(callbacks)).value();
    itself = &calls;
    count(read(calls));
    calls.close(20s).value();
    EXPECT_EQ(told, (std::vector<std::string>{"assigned 4", "revoked 4"}));
    EXPECT_EQ(committed()["low"], 1);
}

TEST_F(PriorityBroker, ends_of_partitions_come_behind_their_messages) {
    fill("low", 20);
    auto c = config();
    c.config = {{"auto.offset.reset", "earliest"}, {"enable.partition.eof", true}};
    auto consumer = PriorityConsumer::create(c).value();
    int ends = 0;
    for (int i = 0; ends < 4 && i < 100; ++i) {
        const auto event = consumer.poll(20s);
        ASSERT_TRUE(event);
        if (const auto* m = std::get_if<Message>(&*event)) count(*m);
        const auto* eof = std::get_if<PartitionEof>(&*event);
        if (!eof) continue;
        ++ends;
        EXPECT_EQ(eof->offset.value(), (next_[{eof->topic, eof->partition}])) << eof->topic;
    }
    EXPECT_EQ(ends, 4);
}

TEST_F(PriorityBroker, several_threads_take_turns) {
    fill("low", 1000);
    fill("high", 1000);
    auto consumer = PriorityConsumer::create(config()).value();
    std::mutex mutex;
    std::set<std::string> seen;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (;;) {
                const auto m = consumer.read_message(20s);
                if (!m) return;
                const std::lock_guard lock(mutex);
                EXPECT_TRUE(seen.insert(to_string(*m)).second);
                if (seen.size() == 2000) (void)consumer.close(20s).has_value();
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(seen.size(), 2000U);
}

TEST(PriorityConsumer, what_is_wrong_is_said_at_once) {
    PriorityConsumerConfig c;
    EXPECT_EQ(PriorityConsumer::create(c).error(), ErrorCode::invalid_argument);
    c.group_id = "g";
    c.classes = {{"", {"t"}}};
    EXPECT_FALSE(PriorityConsumer::create(c)) << "no brokers";
}

}  // namespace
}  // namespace ottla
