// SPDX-License-Identifier: Apache-2.0
// What a producer must come through, one test each: leaders that move, brokers that hang, are slow or throttle, clocks
// that jump, answers that make no sense, everything down for a while. (FaultCaseN is the same case
// everywhere: 2, 3, 4, 17 and 25 are in idempotence_test, 14 in fork_test, 15 in sigterm_test, 18 in producer_test, 1
// in integration/test_exactly_once.py; those of the consumer and its groups in their fault_cases files.)
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;
using Lie = Reaction::Lie;

// Node 2 is another broker, and leads what the test says.
class TwoBrokers : public ProducerScript {
public:
    TwoBrokers() : ProducerScript(one_record_each()) {
        add_broker("other", other);
        broker.nodes[2] = "other";
    }
    ScriptedBroker other{loop.timers};
};

TEST(FaultCase5, flapping_leaders_are_looked_up_at_most_ten_times_a_second) {
    ProducerScript s(one_record_each());
    ASSERT_TRUE(s.produce(0, "0"));
    s.loop.run_for(1s);
    const int before = s.broker.metadata_asked;
    for (int i = 0; i < 200; ++i) s.broker.reactions.push_back(refused(ErrorCode::not_leader_or_follower));
    for (int i = 1; i < 30; ++i) ASSERT_TRUE(s.produce(i % 2, std::to_string(i)));
    s.loop.run_for(10s);
    EXPECT_LE(s.broker.metadata_asked - before, 101);
    EXPECT_GE(s.broker.metadata_asked - before, 5);
    s.broker.reactions.clear();
    s.loop.run_for(5s);
    EXPECT_EQ(s.codes, Codes(30));
    EXPECT_EQ(s.broker.log[p0].size() + s.broker.log[p1].size(), 30U);
}

TEST(FaultCase5, a_leader_that_moves_there_and_back_is_followed) {
    TwoBrokers s;
    ASSERT_TRUE(s.produce(0, "0"));
    s.loop.run_for(1s);
    int n = 1;
    for (const std::int32_t leader : {2, 1, 2, 1}) {
        // The one that leads no more says so; where the leader is comes from the metadata.
        ScriptedBroker& old = leader == 2 ? s.broker : s.other;
        s.broker.leaders[0] = leader;
        ++s.broker.leader_epoch;
        old.reactions = {refused(ErrorCode::not_leader_or_follower)};
        // Replicas know each other's records and producers.
        ScriptedBroker& next = leader == 2 ? s.other : s.broker;
        next.log = old.log;
        next.producers = old.producers;
        ASSERT_TRUE(s.produce(0, std::to_string(n++)));
        s.loop.run_for(2s);
    }
    EXPECT_EQ(s.codes, Codes(5));
    EXPECT_EQ(s.broker.log[p0], (Lines{"0", "1", "2", "3", "4"}));
}

TEST(FaultCase8, a_broker_that_hangs_is_given_up_after_its_time_and_another_connection_serves) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("socket.timeout.ms", 2000));
    ProducerScript s(config);
    ASSERT_TRUE(s.produce(0, "0"));
    s.loop.run_for(1s);
    Reaction hangs;
    hangs.delay = 1h;
    hangs.append = false;
    s.broker.reactions = {hangs};
    ASSERT_TRUE(s.produce(0, "1"));
    s.loop.run_for(1900ms);
    EXPECT_EQ(s.connections, 1);
    s.loop.run_for(600ms);
    EXPECT_EQ(s.connections, 2);
    EXPECT_EQ(s.codes, Codes(2));
}

TEST(FaultCase8, what_comes_while_a_broker_hangs_has_its_own_deadline) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("delivery.timeout.ms", 5000));
    for (const bool purged : {false, true}) {
        ProducerScript s(config);
        s.broker.reactions = {slow(1h), slow(1h)};
        ASSERT_TRUE(s.produce(0, "0"));
        s.loop.run_for(1s);
        if (purged) s.producer().async_purge(PurgeWhat::in_flight, [](const Result<void>&) {});
        s.loop.run_for(5s);
        ASSERT_EQ(s.codes, Codes{purged ? ErrorCode::purged_in_flight : ErrorCode::message_timed_out});
        ASSERT_TRUE(s.produce(0, "1"));
        s.loop.run_for(4900ms);
        EXPECT_EQ(s.codes.size(), 1U);
        s.loop.run_for(200ms);
        ASSERT_EQ(s.codes.size(), 2U);
        EXPECT_EQ(s.codes[1], ErrorCode::message_timed_out);
    }
}

TEST(FaultCase9, a_slow_broker_holds_up_nobody_else) {
    TwoBrokers s;
    s.broker.leaders[1] = 2;
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(s.produce(i, "0"));
    s.loop.run_for(1s);
    s.broker.reactions.assign(5, slow(10s));
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(s.produce(0, "slow"));
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(s.produce(1, "fast"));
    s.loop.run_for(100ms);
    EXPECT_EQ(s.other.log[p1].size(), 21U);
    EXPECT_EQ(s.codes.size(), 22U);
    s.loop.run_for(60s);
    EXPECT_EQ(s.codes, Codes(42));
}

TEST(FaultCase10, a_throttled_producer_pauses_and_only_towards_that_broker) {
    TwoBrokers s;
    s.broker.leaders[1] = 2;
    Reaction throttled;
    throttled.throttle_ms = 3000;
    s.broker.reactions = {throttled};
    ASSERT_TRUE(s.produce(0, "0"));
    s.loop.run_for(1s);
    ASSERT_EQ(s.codes, Codes(1));
    ASSERT_TRUE(s.produce(0, "1"));
    ASSERT_TRUE(s.produce(1, "a"));
    s.loop.run_for(1900ms);
    EXPECT_EQ(s.broker.produced, 1);
    EXPECT_EQ(s.other.produced, 1);
    s.loop.run_for(200ms);
    EXPECT_EQ(s.broker.produced, 2);
    EXPECT_EQ(s.codes, Codes(3));
}

TEST(FaultCase10, a_throttled_producer_waits_as_long_as_the_longest_of_the_answers_under_way_says) {
    ProducerScript s(one_record_each());
    ASSERT_TRUE(s.produce(0, "0"));
    s.loop.run_for(1s);
    Reaction for_long, for_a_moment;
    for_long.throttle_ms = 3000;
    for_a_moment.throttle_ms = 10;
    s.broker.reactions = {for_long, for_a_moment};
    ASSERT_TRUE(s.produce(0, "1"));
    ASSERT_TRUE(s.produce(0, "2"));
    s.loop.run_for(1s);
    ASSERT_EQ(s.broker.produced, 3);
    ASSERT_TRUE(s.produce(0, "3"));
    s.loop.run_for(1900ms);
    EXPECT_EQ(s.broker.produced, 3);
    s.loop.run_for(200ms);
    EXPECT_EQ(s.broker.produced, 4);
}

TEST(FaultCase10, what_any_answer_throttles_waits_where_it_can_still_expire_as_never_sent) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("delivery.timeout.ms", 2000));
    std::vector<std::string> throttled;
    ProducerScript s(config);
    s.options.hooks.on_request = [&](const RequestEvent& e) {
        if (e.stage == RequestEvent::Stage::throttled) throttled.emplace_back(e.api_name);
    };
    ASSERT_TRUE(s.produce(0, "0"));
    s.loop.run_for(1s);
    s.broker.metadata_throttle_ms = 3000;
    s.producer().async_metadata("t", 10s, [](const Result<Metadata>&) {});
    s.loop.settle();
    EXPECT_EQ(throttled, Lines{"Metadata"});
    s.broker.metadata_throttle_ms = 0;
    ASSERT_TRUE(s.produce(0, "expires"));
    s.loop.run_for(1500ms);
    ASSERT_TRUE(s.produce(0, "1"));
    s.loop.run_for(2s);
    EXPECT_EQ(s.codes, (Codes{ErrorCode::none, ErrorCode::message_timed_out, ErrorCode::none}));
    EXPECT_EQ(s.statuses[1], DeliveryStatus::not_persisted);
    EXPECT_EQ(s.broker.log[p0], (Lines{"0", "1"}));
    EXPECT_EQ(s.connections, 1);
}

TEST(FaultCase11, a_wall_clock_that_jumps_changes_no_deadline) {
    for (const std::int64_t hour : {3'600'000, -3'600'000}) {
        Config config = one_record_each();
        ASSERT_TRUE(config.set("delivery.timeout.ms", 5000));
        ProducerScript s(config);
        ASSERT_TRUE(s.produce(0, "0"));
        s.loop.run_for(1s);
        s.broker.reactions = {slow(2s), refused(ErrorCode::not_enough_replicas)};
        ASSERT_TRUE(s.produce(0, "1"));
        ASSERT_TRUE(s.produce(any_partition, "2"));
        s.loop.run_for(1s);
        s.loop.timers.step_wall(hour);
        ASSERT_TRUE(s.produce(any_partition, "3"));
        s.loop.run_for(2s);
        EXPECT_EQ(s.codes, Codes(4));
    }
}

TEST(FaultCase16, the_queue_takes_no_more_than_its_limit_and_a_tenth) {
    constexpr std::size_t limit_kbytes = 4096;
    ProducerScript s(Config{{"queue.buffering.max.kbytes", limit_kbytes}, {"queue.buffering.max.messages", 0}});
    s.stop_broker();
    const std::string value(1000, 'v');
    std::size_t taken = 0;
    while (s.produce(static_cast<std::int32_t>(taken % 2), value)) ++taken;
    EXPECT_EQ(s.produce(0, value).error(), ErrorCode::queue_full);
    EXPECT_LE(taken * value.size(), limit_kbytes * 1024);
    EXPECT_GE(taken * value.size(), limit_kbytes * 1024 / 10 * 9) << "what reports and buffers take counts, too";
}

TEST(FaultCase20, a_broker_without_a_common_version_is_named) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("delivery.timeout.ms", 3000));
    ProducerScript s(config);
    s.broker.produce_version_max = 2;
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(10s);
    ASSERT_EQ(s.codes.size(), 1U);
    EXPECT_NE(s.codes[0], ErrorCode::none);
    EXPECT_NE(s.reports[0].find("Produce"), std::string::npos) << s.reports[0];
    EXPECT_LT(s.connections, 5);
}

// The names that hosts have; they may change.
class Names final : public net::Transport {
public:
    explicit Names(net::Transport& hosts) : hosts_(hosts) {}

    asio::awaitable<Result<std::unique_ptr<net::Stream>>> connect(net::Endpoint to, base::TimePoint deadline) override {
        const auto host = of.find(to.host);
        if (host == of.end()) co_return Error::of(ErrorCode::resolve, "no such name");
        co_return co_await hosts_.connect(net::Endpoint(host->second, to.port), deadline);
    }
    Result<std::unique_ptr<net::Listener>> listen(asio::any_io_executor executor, const net::Endpoint& at) override {
        return hosts_.listen(std::move(executor), at);
    }

    std::map<std::string, std::string> of;

private:
    net::Transport& hosts_;
};

class Renamed : public ProducerScript {
public:
    Renamed() : ProducerScript(one_record_each()) {}
    ~Renamed() override {
        drop_handle();
        loop.settle();
    }
    net::Transport& transport() override { return names; }
    Names names{ProducerScript::transport()};
};

TEST(FaultCase22, a_name_that_nobody_knows_yet_is_asked_for_again) {
    Renamed s;
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(10s);
    EXPECT_TRUE(s.codes.empty());
    s.names.of["broker"] = "broker";
    s.loop.run_for(2s);
    EXPECT_EQ(s.codes, Codes(1));
}

TEST(FaultCase22, a_host_that_has_moved_is_looked_up_again) {
    Renamed s;
    ScriptedBroker moved(s.loop.timers);
    s.add_broker("another address", moved);
    s.names.of["broker"] = "broker";
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    ASSERT_EQ(s.codes, Codes(1));
    s.stop_broker();
    moved.log = s.broker.log;
    moved.producers = s.broker.producers;
    s.names.of["broker"] = "another address";
    ASSERT_TRUE(s.produce(0, "b"));
    s.loop.run_for(2s);
    EXPECT_EQ(s.codes, Codes(2));
    EXPECT_EQ(moved.log[p0], (Lines{"a", "b"}));
}

// Hosts that take their time to be connected to.
class SlowConnects final : public net::Transport {
public:
    SlowConnects(net::Transport& hosts, net::Timers& timers) : hosts_(hosts), timers_(timers) {}

    asio::awaitable<Result<std::unique_ptr<net::Stream>>> connect(net::Endpoint to, base::TimePoint deadline) override {
        const auto wait = of.find(to.host);
        if (wait != of.end()) co_await timers_.wait_for(wait->second);
        co_return co_await hosts_.connect(std::move(to), deadline);
    }
    Result<std::unique_ptr<net::Listener>> listen(asio::any_io_executor executor, const net::Endpoint& at) override {
        return hosts_.listen(std::move(executor), at);
    }

    std::map<std::string, base::Duration> of;

private:
    net::Transport& hosts_;
    net::Timers& timers_;
};

class SlowToConnect : public TwoBrokers {
public:
    ~SlowToConnect() override {
        drop_handle();
        loop.settle();
    }
    net::Transport& transport() override { return hosts; }
    SlowConnects hosts{ProducerScript::transport(), loop.timers};
};

TEST(FaultCase22, a_broker_that_moves_while_it_is_connected_to_is_an_error_with_a_name) {
    SlowToConnect s;
    ScriptedBroker moved(s.loop.timers);
    s.add_broker("another address", moved);
    s.hosts.of["other"] = 5s;
    s.broker.leaders[1] = 2;
    ASSERT_TRUE(s.produce(0, "a"));
    ASSERT_TRUE(s.produce(1, "b"));
    s.loop.run_for(1s);
    ASSERT_EQ(s.codes, Codes(1));
    s.broker.nodes[2] = "another address";
    // Makes the metadata be asked for.
    s.broker.reactions = {refused(ErrorCode::not_leader_or_follower)};
    ASSERT_TRUE(s.produce(0, "c"));
    s.loop.run_for(10s);
    EXPECT_EQ(s.codes, Codes(3));
    EXPECT_EQ(moved.log[p1], Lines{"b"});
    while (const auto event = s.producer().events(0s))
        if (const auto* error = std::get_if<Error>(&*event)) {
            EXPECT_EQ(error->code(), ErrorCode::transport);
        }
}

// With what is said of it.
struct OddAnswer {
    Lie lie;
    const char* text;
};
const OddAnswer odd_answers[] = {
    {Lie::leaves_out, "it leaves something out: topic 't' partition 0;"},
    {Lie::says_twice, "it says something twice: topic 't' partition 0;"},
    {Lie::says_more, "it has what was not asked for: topic 't' partition 1000;"},
    {Lie::negative, "partition -1; it leaves something out: topic 't' partition 0;"},
    {Lie::negative_count, "it cannot be read: "},
};

TEST(FaultCase24, answers_that_make_no_sense_are_errors_a_line_in_the_log_and_make_no_hot_loop) {
    for (const auto& [lie, text] : odd_answers) {
        ProducerScript s(one_record_each());
        if (lie != Lie::says_more) s.broker.produce_version_max = 8;
        Lines warnings;
        s.options.log = [&](const LogEvent& line) {
            if (line.level <= LogLevel::warning) warnings.push_back(line.text);
        };
        ASSERT_TRUE(s.produce(0, "0"));
        s.loop.run_for(1s);
        ASSERT_TRUE(warnings.empty()) << warnings[0];
        Reaction lies;
        lies.lie = lie;
        s.broker.reactions = {lies, lies};
        ASSERT_TRUE(s.produce(0, "1"));
        ASSERT_TRUE(s.produce(0, "2"));
        s.loop.run_for(5s);
        EXPECT_EQ(s.codes, Codes(3));
        EXPECT_EQ(s.broker.log[p0], (Lines{"0", "1", "2"}));
        EXPECT_LE(s.broker.produced, 6);
        ASSERT_EQ(warnings.size(), 1U);
        EXPECT_NE(warnings[0].find(text), std::string::npos) << warnings[0];
        EXPECT_NE(warnings[0].find("broker 1 at broker:9092"), std::string::npos) << warnings[0];
        // Over another connection it may be another broker, and is told again.
        s.stop_broker();
        s.listen();
        s.broker.reactions = {lies};
        ASSERT_TRUE(s.produce(0, "3"));
        s.loop.run_for(5s);
        EXPECT_EQ(std::ranges::count_if(warnings, [t = text](const auto& w) { return w.find(t) != w.npos; }), 2);
    }
}

TEST(FaultCase24, a_broker_that_leaves_out_for_ever_is_tried_with_backoff_until_the_deadline) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("delivery.timeout.ms", 10'000));
    ProducerScript s(config);
    int warnings = 0;
    s.options.log = [&](const LogEvent& line) { warnings += line.level == LogLevel::warning ? 1 : 0; };
    Reaction lies;
    lies.lie = Lie::leaves_out;
    lies.append = false;
    for (int i = 0; i < 1000; ++i) s.broker.reactions.push_back(lies);
    ASSERT_TRUE(s.produce(0, "0"));
    s.loop.run_for(20s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::message_timed_out});
    EXPECT_EQ(s.statuses, std::vector{DeliveryStatus::possibly_persisted});
    EXPECT_LE(s.broker.produced, 20);
    EXPECT_EQ(warnings, 1);
}

TEST(FaultCase26, all_brokers_down_for_ten_minutes) {
    Config config = one_record_each();
    ASSERT_TRUE(config.set("delivery.timeout.ms", 0));
    ProducerScript s(config);
    ASSERT_TRUE(s.produce(0, "0"));
    s.loop.run_for(1s);
    s.stop_broker();
    ASSERT_TRUE(s.produce(0, "1"));
    s.loop.run_for(1s);
    const auto events = s.loop.events();
    const auto before = s.network.counts().refused;
    s.loop.run_for(10min);
    // From 100 ms to a second between attempts, 25 % less at the most.
    EXPECT_LE(s.network.counts().refused - before, 900U);
    EXPECT_GE(s.network.counts().refused - before, 300U);
    EXPECT_LE(s.loop.events() - events, 60'000U) << "a hundred a second cost nothing";
    s.listen();
    s.loop.run_for(2s);
    EXPECT_EQ(s.codes, Codes(2));
    EXPECT_EQ(s.broker.log[p0], (Lines{"0", "1"}));
}

}  // namespace
}  // namespace ottla::client
