// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "client/stats/window.hpp"
#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

TEST(Window, tells_how_values_were_spread) {
    Window window;
    EXPECT_EQ(window.percentile(0.5), 0);
    EXPECT_EQ(window.average(), 0);
    for (std::int64_t i = 1; i <= 1000; ++i) window.add(i);
    EXPECT_EQ(window.min(), 1);
    EXPECT_EQ(window.max(), 1000);
    EXPECT_EQ(window.count(), 1000);
    EXPECT_EQ(window.sum(), 500'500);
    EXPECT_EQ(window.average(), 500);
    EXPECT_EQ(window.deviation(), 288);
    EXPECT_EQ(window.percentile(1.0), 1000);
    window.clear();
    EXPECT_EQ(window.count(), 0);
    window.add(-5);
    EXPECT_EQ(window.max(), 0) << "there is no time before now";
}

TEST(Window, is_exact_to_a_thirtysecond) {
    base::Random random(3);
    for (int round = 0; round < 20; ++round) {
        Window window;
        std::vector<std::int64_t> all;
        for (int i = 0; i < 2000; ++i) {
            all.push_back(static_cast<std::int64_t>(random.below(1ULL << (1 + random.below(41)))));
            window.add(all.back());
        }
        std::ranges::sort(all);
        for (const double share : {0.01, 0.5, 0.75, 0.99, 0.9999}) {
            const auto rank = static_cast<std::size_t>(std::ceil(share * 2000)) - 1;
            const auto exact = static_cast<double>(all[rank]);
            const auto told = static_cast<double>(window.percentile(share));
            EXPECT_GE(told, exact);
            EXPECT_LE(told, exact * (1 + 1.0 / 32) + 1);
        }
    }
    Window far;
    far.add(std::int64_t{1} << 60);
    EXPECT_EQ(far.percentile(0.5), (std::int64_t{1} << 42) - 1) << "50 days, and more";
}

json::object parsed(const std::string& text) { return json::parse(text).as_object(); }
std::int64_t number(const json::value& v) { return v.to_number<std::int64_t>(); }

TEST(Statistics, have_the_layout_of_librdkafkas) {
    ProducerScript s(Config{{"client.id", "me"}, {"linger.ms", 0}});
    std::string text;
    const auto ask = [&] {
        s.producer().async_statistics([&](const Result<std::string>& said) { text = said.value(); });
        s.loop.run_for(1ms);
        return parsed(text);
    };
    ask();  // the windows are kept from now on
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(s.produce(i % 2, "0123456789"));
    s.loop.run_for(2s);
    const json::object all = ask();
    EXPECT_EQ(all.at("client_id"), "me");
    EXPECT_EQ(all.at("type"), "producer");
    EXPECT_EQ(number(all.at("age")) / 1000, 2001);
    EXPECT_EQ(number(all.at("msg_cnt")), 0);
    EXPECT_EQ(number(all.at("msg_max")), 100'000);
    EXPECT_EQ(number(all.at("txmsgs")), 10);
    EXPECT_EQ(number(all.at("txmsg_bytes")), 100);
    const auto& brokers = all.at("brokers").as_object();
    ASSERT_EQ(brokers.size(), 1U);
    const auto& broker = brokers.at("broker:9092/1").as_object();
    EXPECT_EQ(number(broker.at("nodeid")), 1);
    EXPECT_EQ(broker.at("state"), "UP");
    EXPECT_EQ(broker.at("source"), "learned");
    EXPECT_EQ(number(broker.at("waitresp_cnt")), 0);
    EXPECT_EQ(number(broker.at("connects")), 1);
    EXPECT_GE(number(broker.at("req").at("Produce")), 1);
    EXPECT_EQ(number(broker.at("tx")), number(broker.at("rx")));
    EXPECT_GT(number(broker.at("txbytes")), 100);
    EXPECT_EQ(number(all.at("tx_bytes")), number(broker.at("txbytes")));
    EXPECT_GE(number(broker.at("rtt").at("cnt")), 1);
    EXPECT_GE(number(broker.at("int_latency").at("cnt")), 1);
    const auto& topic = all.at("topics").at("t").as_object();
    EXPECT_EQ(number(topic.at("batchcnt").at("sum")), 10);
    EXPECT_GT(number(topic.at("batchsize").at("min")), 61);
    EXPECT_EQ(number(topic.at("partitions").at("0").at("txmsgs")), 5);
    EXPECT_EQ(number(topic.at("partitions").at("1").at("txbytes")), 50);
    EXPECT_EQ(number(all.at("eos").at("producer_id")), 4000);
    EXPECT_EQ(number(ask().at("topics").at("t").at("batchcnt").at("cnt")), 0) << "a new window";
}

TEST(Statistics, come_as_events) {
    ProducerScript s(Config{{"statistics.interval.ms", 1000}});
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(3500ms);
    const auto event = s.producer().events(0s);
    ASSERT_TRUE(event);
    EXPECT_EQ(number(parsed(std::get<ottla::Statistics>(*event).json).at("age")), 3'000'000) << "only the last waits";
    EXPECT_FALSE(s.producer().events(0s));
    EXPECT_EQ(s.producer().size(), 0U);
    s.loop.run_for(1s);
    EXPECT_TRUE(s.producer().events(0s));
}

TEST(Statistics, count_what_goes_wrong) {
    ProducerScript s(Config{{"linger.ms", 0}});
    Reaction hang_up;
    hang_up.disconnect = true;
    s.broker.reactions = {hang_up};
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(2s);
    json::object all;
    s.producer().async_statistics([&](const Result<std::string>& said) { all = parsed(said.value()); });
    s.loop.run_for(1ms);
    const auto& broker = all.at("brokers").at("broker:9092/1").as_object();
    EXPECT_EQ(number(broker.at("connects")), 2);
    EXPECT_EQ(number(broker.at("disconnects")), 1);
    EXPECT_EQ(number(broker.at("txerrs")), 1);
}

json::object broker_of(ProducerScript& s) {
    json::object all;
    s.producer().async_statistics([&](const Result<std::string>& said) { all = parsed(said.value()); });
    s.loop.run_for(1ms);
    for (const auto& [name, broker] : all.at("brokers").as_object()) return broker.as_object();
    return {};
}

TEST(Connections, that_nobody_uses_are_closed_and_opened_again) {
    ProducerScript s(Config{{"connections.max.idle.ms", 1000}, {"linger.ms", 0}});
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(900ms);
    EXPECT_EQ(number(broker_of(s).at("disconnects")), 0);
    s.loop.run_for(1s);
    EXPECT_EQ(number(broker_of(s).at("disconnects")), 1);
    EXPECT_EQ(broker_of(s).at("state"), "INIT");
    ASSERT_TRUE(s.produce(0, "b"));
    s.loop.run_for(5ms);
    EXPECT_EQ(s.codes, std::vector<ErrorCode>(2)) << "without a backoff: nothing had failed";
    EXPECT_EQ(number(broker_of(s).at("connects")), 2);
}

TEST(Connections, stay_when_they_may) {
    // The broker would close one that nothing goes over: a topic in use is asked about.
    ProducerScript s(Config{{"linger.ms", 0}, {"metadata.max.idle.ms", 7'200'000}});
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1h);
    EXPECT_EQ(number(broker_of(s).at("disconnects")), 0);
}

// KIP-1102.
TEST(Rebootstrap, when_the_cluster_asks_for_it) {
    for (const char* strategy : {"rebootstrap", "none"}) {
        ProducerScript s(Config{{"linger.ms", 0}, {"metadata.recovery.strategy", strategy}});
        ASSERT_TRUE(s.produce(0, "a"));
        s.loop.run_for(1s);
        s.broker.metadata_errors = {ErrorCode::rebootstrap_required};
        Reaction moved;
        moved.error = ErrorCode::not_leader_or_follower;
        moved.append = false;
        s.broker.reactions = {moved};
        ASSERT_TRUE(s.produce(0, "b"));
        s.loop.run_for(10s);
        EXPECT_EQ(s.codes, std::vector<ErrorCode>(2));
        EXPECT_EQ(number(broker_of(s).at("disconnects")), strategy == std::string("none") ? 0 : 1);
    }
}

TEST(Rebootstrap, after_a_time_without_metadata) {
    ProducerScript s(Config{{"linger.ms", 0}, {"metadata.recovery.rebootstrap.trigger.ms", 5000}});
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    for (int i = 0; i < 20; ++i) s.broker.metadata_errors.push_back(ErrorCode::unknown_server_error);
    Reaction moved;
    moved.error = ErrorCode::not_leader_or_follower;
    moved.append = false;
    s.broker.reactions = {moved};
    ASSERT_TRUE(s.produce(0, "b"));
    s.loop.run_for(4s);
    EXPECT_EQ(number(broker_of(s).at("disconnects")), 0);
    s.loop.run_for(12s);
    EXPECT_GE(number(broker_of(s).at("disconnects")), 1);
    s.broker.metadata_errors.clear();
    s.loop.run_for(10s);
    EXPECT_EQ(s.codes, std::vector<ErrorCode>(2));
}

}  // namespace
}  // namespace ottla::client
