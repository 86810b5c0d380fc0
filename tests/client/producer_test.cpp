// SPDX-License-Identifier: Apache-2.0
// The producer against a broker that answers as the script says, on virtual time.
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio.hpp>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

TEST(Producer, delivers_and_reports_each_record_once) {
    ProducerScript s;
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(s.produce(i % 2, std::to_string(i)));
    EXPECT_EQ(s.producer().size(), 6U);
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.log[p0], (Lines{"0", "2", "4"}));
    EXPECT_EQ(s.broker.log[p1], (Lines{"1", "3", "5"}));
    EXPECT_EQ(s.reports.size(), 6U);
    EXPECT_EQ(s.reports[0], "t[0]@0 persisted");
    EXPECT_EQ(s.codes, Codes(6));
    EXPECT_EQ(s.producer().size(), 0U);
    EXPECT_EQ(s.broker.produced, 1) << "both partitions in one request";
    EXPECT_EQ(s.broker.versions_seen, (std::vector<std::int16_t>{13}));
}

TEST(Producer, speaks_to_brokers_without_topic_ids) {
    ProducerScript s;
    s.broker.produce_version_max = 9;
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::none});
    EXPECT_EQ(s.broker.versions_seen, (std::vector<std::int16_t>{9}));
}

TEST(Producer, compresses) {
    for (const char* codec : {"gzip", "snappy", "lz4", "zstd"}) {
        ProducerScript s(Config{{"compression.type", codec}});
        for (int i = 0; i < 50; ++i) ASSERT_TRUE(s.produce(0, "the same words again"));
        s.loop.run_for(1s);
        EXPECT_EQ(s.broker.log[p0].size(), 50U);
        ASSERT_EQ(s.broker.codecs_seen.size(), 1U);
        EXPECT_EQ(name(s.broker.codecs_seen[0]), codec);
    }
}

TEST(Producer, retries_in_order_after_each_kind_of_failure) {
    Reaction lost;  // written, but the answer never comes
    lost.disconnect = true;
    lost.append = false;
    for (const Reaction& first :
         {refused(ErrorCode::not_leader_or_follower), refused(ErrorCode::request_timed_out),
          refused(ErrorCode::not_enough_replicas), refused(ErrorCode::unknown_topic_or_partition), lost}) {
        ProducerScript s(Config{{"linger.ms", 0}, {"batch.num.messages", 2}});
        s.broker.reactions = {first, first};
        for (int i = 0; i < 10; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
        s.loop.run_for(10s);
        EXPECT_EQ(s.broker.log[p0], (Lines{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
        EXPECT_EQ(s.codes, Codes(10));
    }
}

TEST(Producer, gives_up_what_can_not_succeed) {
    ProducerScript s(Config{{"linger.ms", 0}});
    s.broker.reactions = {refused(ErrorCode::topic_authorization_failed)};
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::topic_authorization_failed});
    EXPECT_EQ(s.statuses, std::vector{DeliveryStatus::not_persisted});
    EXPECT_NE(s.reports[0].find("topic 't' partition 0"), std::string::npos) << s.reports[0];
    ASSERT_TRUE(s.produce(0, "b"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.log[p0], Lines{"b"});
}

TEST(Producer, retries_no_more_than_it_may) {
    ProducerScript s(Config{{"linger.ms", 0}, {"retries", 1}});
    s.broker.reactions = {refused(ErrorCode::not_enough_replicas), refused(ErrorCode::not_enough_replicas)};
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(5s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::not_enough_replicas});
    EXPECT_EQ(s.broker.produced, 2);
}

TEST(Producer, one_batch_of_a_partition_is_in_flight_while_others_go_on) {
    ProducerScript s(Config{{"linger.ms", 0}, {"batch.num.messages", 1}});
    s.broker.reactions = {slow(1s)};
    ASSERT_TRUE(s.produce(0, "slow"));
    s.loop.run_for(100ms);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(s.produce(0, "after"));
        ASSERT_TRUE(s.produce(1, "beside"));
    }
    s.loop.run_for(200ms);
    EXPECT_EQ(s.broker.log[p0].size(), 0U);
    EXPECT_EQ(s.broker.log[p1].size(), 1U) << "written at once, though its answer stands behind the slow one";
    EXPECT_EQ(s.broker.in_flight_most, 2);
    s.loop.run_for(2s);
    EXPECT_EQ(s.broker.log[p1].size(), 3U);
    EXPECT_EQ(s.broker.log[p0], (Lines{"slow", "after", "after", "after"}));
}

TEST(Producer, acks_0_asks_for_no_answer) {
    ProducerScript s(Config{{"acks", "0"}});
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(s.produce(0, std::to_string(i)));
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.log[p0], (Lines{"0", "1", "2"}));
    EXPECT_EQ(s.reports.size(), 3U);
    EXPECT_EQ(s.codes, Codes(3));
}

TEST(FaultCase18, an_unknown_topic_is_reported_after_its_time) {
    ProducerScript s;
    ASSERT_TRUE(s.produce(0, "a", "nowhere"));
    s.loop.run_for(29s);
    EXPECT_TRUE(s.reports.empty());
    s.broker.topics["late"] = 1;
    ASSERT_TRUE(s.produce(0, "b", "late"));
    s.loop.run_for(5s);
    EXPECT_EQ(s.codes, (Codes{ErrorCode::none, ErrorCode::unknown_topic_or_partition}));
    s.broker.topics["nowhere"] = 1;
    ASSERT_TRUE(s.produce(0, "c", "nowhere"));
    s.loop.run_for(5s);
    EXPECT_EQ(s.codes.back(), ErrorCode::none);
}

TEST(Producer, a_forbidden_topic_is_reported_at_once) {
    ProducerScript s;
    s.broker.topic_errors["secret"] = ErrorCode::topic_authorization_failed;
    ASSERT_TRUE(s.produce(0, "a", "secret"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::topic_authorization_failed});
}

TEST(Producer, an_unknown_topic_is_reported_by_the_first_answer_where_it_is_given_no_time) {
    ProducerScript s(Config{{"topic.metadata.propagation.max.ms", 0}});
    s.stop_broker();
    ASSERT_TRUE(s.produce(0, "a", "nowhere"));
    s.loop.run_for(10s);
    EXPECT_TRUE(s.reports.empty()) << "nobody has said that there is none";
    s.listen();
    s.loop.run_for(2s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::unknown_topic_or_partition});
    ASSERT_TRUE(s.produce(0, "b"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes.back(), ErrorCode::none);
}

TEST(Producer, a_topic_that_was_forbidden_is_looked_up_again) {
    ProducerScript s;
    s.broker.topics["secret"] = 1;
    s.broker.topic_errors["secret"] = ErrorCode::topic_authorization_failed;
    ASSERT_TRUE(s.produce(0, "a", "secret"));
    s.loop.run_for(1s);
    ASSERT_EQ(s.codes, Codes{ErrorCode::topic_authorization_failed});
    s.broker.topic_errors.clear();
    ASSERT_TRUE(s.produce(0, "b", "secret"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes.back(), ErrorCode::none);
}

// Produces the record again whenever it is told that it failed, at once, `most` times.
struct Stubborn {
    ProducerScript& script;
    std::string topic;
    int most;
    int told = 0;
    int told_in_one_turn = 0;  // of the loop

    bool produce() {
        Record r;
        r.topic = topic;
        r.partition = 0;
        return script.producer()
            .produce(r,
                     [this](const DeliveryReport& report) {
                         if (told == 0) asio::post(script.loop.io, [this] { told_in_one_turn = told; });
                         const bool again = ++told < most && !report;
                         EXPECT_TRUE(!again || produce());
                     })
            .has_value();
    }
};

TEST(Producer, a_callback_that_tries_a_forbidden_topic_for_ever_asks_ten_times_a_second) {
    ProducerScript s(one_record_each());
    s.broker.topic_errors["secret"] = ErrorCode::topic_authorization_failed;
    Stubborn stubborn{s, "secret", 10'000};
    ASSERT_TRUE(stubborn.produce());
    s.loop.run_for(10s);
    EXPECT_LE(stubborn.told, 101);
    EXPECT_GE(stubborn.told, 50);
    EXPECT_LE(s.broker.metadata_asked, 102);
}

TEST(Producer, a_callback_that_tries_for_ever_leaves_others_their_turn) {
    ProducerScript s(one_record_each());
    s.broker.produce_version_max = 2;  // refused without asking the broker
    Stubborn stubborn{s, "t", 100'000};
    ASSERT_TRUE(stubborn.produce());
    s.loop.run_for(1s);
    EXPECT_EQ(stubborn.told, 100'000);
    EXPECT_LT(stubborn.told_in_one_turn, 1000);
}

TEST(Producer, a_partition_that_does_not_exist_is_reported) {
    ProducerScript s;
    ASSERT_TRUE(s.produce(5, "before the topic is known"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::unknown_partition});
    EXPECT_EQ(s.produce(5, "after").error(), ErrorCode::unknown_partition);
}

TEST(Producer, the_users_partitioner_is_asked_and_its_mistakes_are_told) {
    ProducerScript s;
    s.options.partitioner = [](const Record& r, std::int32_t count) { return r.value == "bad" ? count : count - 1; };
    for (const char* v : {"a", "bad", "b"}) ASSERT_TRUE(s.produce(any_partition, v)) << "the topic is not known yet";
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.log[p1], (Lines{"a", "b"}));
    EXPECT_EQ(s.codes, (Codes{ErrorCode::unknown_partition, ErrorCode::none, ErrorCode::none}));
    EXPECT_NE(s.reports[0].find("there is no partition 2"), std::string::npos) << s.reports[0];
    EXPECT_EQ(s.produce(any_partition, "bad").error(), ErrorCode::unknown_partition);
    EXPECT_TRUE(s.produce(any_partition, "c"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.log[p1], (Lines{"a", "b", "c"}));
    EXPECT_EQ(s.reports.size(), 4U);
}

TEST(Producer, waits_for_a_leader) {
    ProducerScript s;
    s.broker.has_leaders = false;
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(20s);
    EXPECT_TRUE(s.reports.empty());
    s.broker.has_leaders = true;
    s.loop.run_for(2s);
    EXPECT_EQ(s.codes, Codes{ErrorCode::none});
}

TEST(Producer, survives_a_broker_that_goes_and_comes_back) {
    ProducerScript s;
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    s.stop_broker();
    ASSERT_TRUE(s.produce(0, "b"));
    s.loop.run_for(20s);
    EXPECT_EQ(s.reports.size(), 1U);
    s.listen();
    s.loop.run_for(20s);
    EXPECT_EQ(s.broker.log[p0], (Lines{"a", "b"}));
    EXPECT_EQ(s.codes, Codes(2));
}

TEST(Producer, an_absent_broker_is_named_at_the_deadline) {
    ProducerScript s(Config{{"delivery.timeout.ms", 5000}});
    s.stop_broker();
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(4900ms);
    EXPECT_TRUE(s.reports.empty());
    s.loop.run_for(200ms);
    EXPECT_EQ(s.codes, Codes{ErrorCode::message_timed_out});
    EXPECT_EQ(s.statuses, std::vector{DeliveryStatus::not_persisted});
    EXPECT_NE(s.reports[0].find("broker:9092"), std::string::npos) << s.reports[0];
}

TEST(Producer, the_deadline_holds_while_a_request_is_in_flight) {
    ProducerScript s(Config{{"delivery.timeout.ms", 2000}, {"linger.ms", 0}});
    s.broker.reactions = {slow(10s)};
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    ASSERT_TRUE(s.produce(0, "b"));
    s.loop.run_for(1100ms);
    EXPECT_EQ(s.codes, Codes{ErrorCode::message_timed_out});
    EXPECT_EQ(s.statuses, std::vector{DeliveryStatus::possibly_persisted});
    s.loop.run_for(20s);
    EXPECT_EQ(s.reports.size(), 2U) << "no second report when the answer comes after all";
}

TEST(Producer, what_is_awaited_lingers_only_while_others_are_in_flight) {
    ProducerScript s(Config{{"linger.ms", 10'000}});
    ASSERT_TRUE(s.produce(0, "warm up"));
    s.loop.run_for(11s);
    s.broker.reactions.assign(2, slow(50ms));
    int reported = 0;
    const auto count = [&](const Result<DeliveryReport>&) { ++reported; };
    Record r;
    r.topic = "t";
    r.partition = 0;
    for (const char* value : {"a", "b", "c"}) {
        r.value = value;
        s.producer().async_produce(r, count);
    }
    const int before = s.broker.produced;
    s.loop.run_for(60ms);
    EXPECT_EQ(s.broker.produced, before + 1) << "together, for they came in one turn";
    EXPECT_EQ(reported, 3);
    s.producer().async_produce(r, count);
    s.loop.run_for(10ms);
    s.producer().async_produce(r, count);
    s.loop.run_for(10ms);
    EXPECT_EQ(s.broker.produced, before + 2) << "the second waits for the first";
    s.loop.run_for(100ms);
    EXPECT_EQ(reported, 5);
}

asio::awaitable<void> produce_and_wait(Producer& producer, DeliveryReport& report) {
    Record r;
    r.topic = "t";
    r.key = "k";
    auto delivered = co_await producer.async_produce(r, asio::use_awaitable);
    if (delivered) report = std::move(*delivered);
}

TEST(Producer, can_be_awaited) {
    ProducerScript s;
    DeliveryReport report;
    EXPECT_TRUE(s.loop.run(produce_and_wait(s.producer(), report)));
    EXPECT_TRUE(report);
    EXPECT_EQ(report.topic(), "t");
    EXPECT_TRUE(report.offset.is_absolute());
}

TEST(Producer, a_cancelled_wait_ends_and_the_record_still_arrives) {
    ProducerScript s;
    asio::cancellation_signal cancel;
    std::optional<ErrorCode> code;
    Record r;
    r.topic = "t";
    r.partition = 0;
    r.value = "a";
    s.producer().async_produce(r, asio::bind_cancellation_slot(cancel.slot(), [&](const Result<DeliveryReport>& d) {
                                   code = d.error().code();
                               }));
    cancel.emit(asio::cancellation_type::terminal);
    s.loop.settle();
    EXPECT_EQ(code, ErrorCode::cancelled);
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.log[p0], Lines{"a"});
}

TEST(Producer, a_callback_may_produce) {
    ProducerScript s(Config{{"linger.ms", 0}});
    Record r;
    r.topic = "t";
    r.partition = 0;
    r.value = "first";
    ASSERT_TRUE(s.producer().produce(r, [&s](const DeliveryReport&) { EXPECT_TRUE(s.produce(0, "second")); }));
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.log[p0], (Lines{"first", "second"}));
}

TEST(Producer, blocking_calls_on_the_loop_are_refused) {
    ProducerScript s;
    std::optional<ErrorCode> code;
    asio::post(s.loop.io, [&] { code = s.producer().flush(1s).error().code(); });
    s.loop.settle();
    EXPECT_EQ(code, ErrorCode::invalid_state);
}

TEST(Producer, moves_on_by_the_brokers_hint_without_waiting) {
    ProducerScript s(Config{{"linger.ms", 0}});
    Reaction moved = refused(ErrorCode::not_leader_or_follower);
    moved.leader_hint = 1;
    s.broker.reactions = {moved};
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(50ms);
    EXPECT_EQ(s.codes, Codes{ErrorCode::none}) << "retry.backoff.ms is 100";
}

TEST(Producer, keeps_order_and_reports_once_on_a_bad_network) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        ProducerScript s(Config{{"linger.ms", 1}, {"batch.num.messages", 3}});
        net::MemoryNetworkOptions options;
        options.delay_max = 20ms;
        options.fragment = true;
        s.network.set_options(options);
        base::Random random(seed);
        for (int i = 0; i < 100; ++i) {
            ASSERT_TRUE(s.produce(i % 2, std::to_string(i)));
            s.loop.run_for(std::chrono::milliseconds(random.between(0, 10)));
            if (random.chance(0.1)) s.network.reset_one("client", "broker");
        }
        s.loop.run_for(60s);
        EXPECT_EQ(s.reports.size(), 100U);
        EXPECT_EQ(s.codes, Codes(100));
        for (const auto& [partition, values] : s.broker.log) {
            // Without sequences a retry may repeat a batch, but none overtakes.
            int last = -1;
            std::set<int> seen;
            for (const auto& v : values) {
                const int n = std::stoi(v);
                if (seen.insert(n).second) {
                    EXPECT_GT(n, last);
                    last = n;
                }
            }
            EXPECT_EQ(seen.size(), 50U);
        }
    }
}

}  // namespace
}  // namespace ottla::client
