// SPDX-License-Identifier: Apache-2.0
// What a producer's hooks are told, against a broker of the test, on virtual time.
#include <stdexcept>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

std::string error_of(const Error& error) {
    return error.code() == ErrorCode::none ? std::string() : " " + std::string(error.name());
}

// The stages of everything, a line each.
struct Told {
    Lines connections, requests, batches, records;

    Hooks hooks() {
        Hooks h;
        h.on_connection = [this](const ConnectionEvent& e) {
            connections.push_back(
                fmt::format("{} {}/{}{}", to_string(e.stage), e.address, e.broker_id, error_of(e.error)));
        };
        h.on_request = [this](const RequestEvent& e) {
            requests.push_back(fmt::format("{} {}{}", e.api_name, to_string(e.stage), error_of(e.error)));
        };
        h.on_batch = [this](const BatchEvent& e) {
            batches.push_back(fmt::format("{} {}[{}]@{} {} records, attempt {}{}{}", to_string(e.stage), e.topic,
                                          e.partition, to_string(e.base_offset), e.records, e.attempt,
                                          e.is_retried ? ", again" : "", error_of(e.error)));
        };
        h.on_produce = [this](const Record& r) { records.push_back("produce " + std::string(r.value.text())); };
        h.on_delivery = [this](const DeliveryReport& r) { records.push_back(to_string(r)); };
        return h;
    }
};

Config at_once() { return Config{{"linger.ms", 0}}; }

TEST(Hooks, of_connections_tell_how_each_begins_and_ends) {
    Told told;
    {
        ProducerScript s(at_once());
        s.options.hooks = told.hooks();
        ASSERT_TRUE(s.produce(0, "a"));
        s.loop.run_for(1s);
        EXPECT_EQ(told.connections, (Lines{"connecting broker:9092/-1", "connected broker:9092/-1"}));
        s.stop_broker();
        s.loop.run_for(1ms);
        ASSERT_GE(told.connections.size(), 3U);
        EXPECT_EQ(told.connections[2], "closed broker:9092/1 TRANSPORT");
        s.loop.run_for(10s);
        s.listen();
        s.loop.run_for(5s);
        s.producer().async_close(1s, [](const Result<void>&) {});
        s.loop.run_for(2s);
    }
    ASSERT_GE(told.connections.size(), 8U);
    EXPECT_EQ(told.connections.back(), "closed broker:9092/1 CLOSED");
    int open = 0;
    for (const std::string& line : told.connections) {
        open += line.starts_with("connecting") ? 1 : line.starts_with("closed") ? -1 : 0;
        EXPECT_TRUE(open == 0 || open == 1) << line;
    }
    EXPECT_EQ(open, 0) << "each attempt has its end";
}

TEST(Hooks, of_requests_tell_sizes_times_and_throttling) {
    std::vector<RequestEvent> produces;
    std::vector<std::string> addresses;
    ProducerScript s(at_once());
    s.options.hooks.on_request = [&](const RequestEvent& e) {
        if (e.api_name != "Produce") return;
        produces.push_back(e);
        addresses.emplace_back(e.address);
    };
    Reaction slow_and_throttled = slow(20ms);
    slow_and_throttled.throttle_ms = 300;
    s.broker.reactions = {slow_and_throttled};
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    ASSERT_EQ(produces.size(), 3U);
    EXPECT_EQ(addresses, Lines(3, "broker:9092"));
    const RequestEvent& sent = produces[0];
    const RequestEvent& answered = produces[1];
    const RequestEvent& throttled = produces[2];
    EXPECT_EQ(sent.stage, RequestEvent::Stage::sent);
    EXPECT_EQ(sent.api_key, 0);
    EXPECT_EQ(sent.api_version, 13);
    EXPECT_EQ(sent.broker_id, 1);
    EXPECT_GT(sent.request_bytes, 61U);
    EXPECT_EQ(answered.stage, RequestEvent::Stage::answered);
    EXPECT_EQ(answered.correlation_id, sent.correlation_id);
    EXPECT_EQ(answered.request_bytes, sent.request_bytes);
    EXPECT_GT(answered.response_bytes, 0U);
    EXPECT_GE(answered.round_trip, 20ms);
    EXPECT_LE(answered.queued + answered.round_trip, 30ms);
    EXPECT_EQ(throttled.stage, RequestEvent::Stage::throttled);
    EXPECT_EQ(throttled.throttle, 300ms);
}

TEST(Hooks, of_requests_may_call_the_client) {
    Told told;
    ProducerScript s(at_once());
    s.options.hooks = told.hooks();
    int asked = 0, answered = 0;
    s.options.hooks.on_request = [&](const RequestEvent& e) {
        if (e.stage != RequestEvent::Stage::sent || e.api_name != "Produce" || asked == 5) return;
        ++asked;
        s.producer().async_metadata("t", 10s, [&](const Result<Metadata>& r) { answered += r ? 1 : 0; });
    };
    for (const char* value : {"a", "b", "c", "d", "e"}) {
        ASSERT_TRUE(s.produce(0, value));
        s.loop.run_for(1s);
    }
    EXPECT_EQ(s.codes, Codes(5));
    EXPECT_EQ(asked, 5);
    EXPECT_EQ(answered, 5);
    EXPECT_EQ(told.connections, (Lines{"connecting broker:9092/-1", "connected broker:9092/-1"}));
}

TEST(Hooks, of_requests_tell_those_that_get_no_answer) {
    Told told;
    ProducerScript s(at_once());
    s.options.hooks = told.hooks();
    s.broker.reactions = {lost_answer()};
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(5s);
    Lines produces;
    for (const std::string& line : told.requests)
        if (line.starts_with("Produce")) produces.push_back(line);
    EXPECT_EQ(produces, (Lines{"Produce sent", "Produce failed TRANSPORT", "Produce sent", "Produce answered"}));
    EXPECT_EQ(told.requests.front(), "ApiVersions sent");
}

TEST(Hooks, of_batches_tell_each_attempt) {
    Told told;
    ProducerScript s(at_once());
    s.options.hooks = told.hooks();
    s.broker.reactions = {refused(ErrorCode::not_leader_or_follower), lost_answer()};
    ASSERT_TRUE(s.produce(0, "a"));
    ASSERT_TRUE(s.produce(0, "b"));
    s.loop.run_for(5s);
    EXPECT_EQ(
        told.batches,
        (Lines{"sent t[0]@invalid 2 records, attempt 1",
               "failed t[0]@invalid 2 records, attempt 1, again NOT_LEADER_OR_FOLLOWER",
               "sent t[0]@invalid 2 records, attempt 2", "failed t[0]@invalid 2 records, attempt 2, again TRANSPORT",
               "sent t[0]@invalid 2 records, attempt 3", "acknowledged t[0]@0 2 records, attempt 3"}));
}

TEST(Hooks, of_batches_tell_what_is_given_up_or_split) {
    Told told;
    ProducerScript s(at_once());
    s.options.hooks = told.hooks();
    s.broker.reactions = {refused(ErrorCode::invalid_record)};
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    EXPECT_EQ(told.batches.back(), "failed t[0]@invalid 1 records, attempt 1 INVALID_RECORD");
    s.broker.records_max = 1;
    told.batches.clear();
    ASSERT_TRUE(s.produce(0, "b"));
    ASSERT_TRUE(s.produce(0, "c"));
    s.loop.run_for(1s);
    ASSERT_GE(told.batches.size(), 6U);
    EXPECT_EQ(told.batches[1], "failed t[0]@invalid 2 records, attempt 1, again MESSAGE_TOO_LARGE");
    EXPECT_EQ(s.broker.log[p0], (Lines{"b", "c"}));
}

TEST(Hooks, of_batches_tell_what_ends_in_flight) {
    Told told;
    ProducerScript s(Config{{"linger.ms", 0}, {"delivery.timeout.ms", 1000}});
    s.options.hooks = told.hooks();
    s.broker.reactions = {slow(5s)};
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(10s);
    EXPECT_EQ(told.batches, (Lines{"sent t[0]@invalid 1 records, attempt 1",
                                   "failed t[0]@invalid 1 records, attempt 1 MESSAGE_TIMED_OUT"}))
        << "once, though an answer came later";
}

TEST(Hooks, of_batches_tell_how_much_packing_gains) {
    double ratio = 0;
    ProducerScript s(Config{{"linger.ms", 5}, {"compression.type", "zstd"}});
    s.options.hooks.on_batch = [&](const BatchEvent& e) { ratio = e.compression_ratio(); };
    ASSERT_TRUE(s.produce(0, std::string(10'000, 'x')));
    s.loop.run_for(1s);
    EXPECT_GT(ratio, 50);
    EXPECT_EQ(BatchEvent().compression_ratio(), 0);
}

TEST(Hooks, of_batches_know_no_offset_without_acknowledgements) {
    Told told;
    ProducerScript s(Config{{"linger.ms", 0}, {"acks", 0}});
    s.options.hooks = told.hooks();
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    EXPECT_EQ(told.batches,
              (Lines{"sent t[0]@invalid 1 records, attempt 1", "acknowledged t[0]@invalid 1 records, attempt 1"}));
}

TEST(Hooks, of_records_tell_what_is_produced_and_what_became_of_it) {
    Told told;
    ProducerScript s(at_once());
    s.options.hooks = told.hooks();
    ASSERT_TRUE(s.produce(0, "a"));
    Record as_event;
    as_event.topic = "t";
    as_event.partition = 0;
    as_event.value = "b";
    ASSERT_TRUE(s.producer().produce(as_event));
    as_event.value = "c";
    s.producer().async_produce(as_event, [](const Result<DeliveryReport>&) {});
    as_event.topic = "";
    EXPECT_FALSE(s.producer().produce(as_event)) << "it is told all the same";
    s.loop.run_for(1s);
    EXPECT_EQ(told.records, (Lines{"produce a", "produce b", "produce c", "produce c", "t[0]@0 persisted",
                                   "t[0]@1 persisted", "t[0]@2 persisted"}));
}

TEST(Hooks, that_throw_do_no_harm) {
    std::vector<std::string> said;
    ProducerScript s(at_once());
    s.options.log = [&](const LogEvent& line) {
        if (line.level == LogLevel::error) said.push_back(line.text);
    };
    const auto throws = [](const auto&) { throw std::runtime_error("oh no"); };
    s.options.hooks = {throws, throws, throws, throws, [](const auto&) { throw 42; }, throws};
    ASSERT_TRUE(s.produce(0, "a"));
    ASSERT_TRUE(s.produce(1, "b"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes(2));
    ASSERT_EQ(said.size(), 1U) << "said once";
    EXPECT_NE(said[0].find("oh no"), std::string::npos);
}

TEST(Hooks, may_produce) {
    int more = 3;
    ProducerScript s(at_once());
    s.options.hooks.on_batch = [&](const BatchEvent& e) {
        if (more-- <= 0) return;
        EXPECT_TRUE(s.produce(e.partition, "more"));
    };
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.log[p0], (Lines{"a", "more", "more", "more"}));
    EXPECT_EQ(s.codes, Codes(4));
}

}  // namespace
}  // namespace ottla::client
