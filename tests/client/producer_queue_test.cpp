// SPDX-License-Identifier: Apache-2.0
// The producer's queue: how much it takes, and how one waits for room in it.
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

TEST(ProducerQueue, the_queue_is_full_and_has_room_again) {
    ProducerScript s(Config{{"queue.buffering.max.messages", 4}});
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(s.produce(0, "v"));
    EXPECT_EQ(s.produce(0, "v").error(), ErrorCode::queue_full);
    std::optional<ErrorCode> room;
    s.producer().async_wait_for_room(10s, [&](const Result<void>& r) { room = r.error().code(); });
    s.loop.run_for(1s);
    EXPECT_EQ(room, ErrorCode::none);
    EXPECT_TRUE(s.produce(0, "v"));
}

TEST(ProducerQueue, reports_without_a_callback_are_events_and_take_room_until_fetched) {
    ProducerScript s(Config{{"queue.buffering.max.messages", 2}});
    int token = 0;
    Record r;
    r.topic = "t";
    r.partition = 1;
    r.opaque = &token;
    r.timestamp_ms = 123;
    ASSERT_TRUE(s.producer().produce(r));
    ASSERT_TRUE(s.producer().produce(r));
    s.loop.run_for(1s);
    EXPECT_EQ(s.producer().size(), 2U);
    EXPECT_EQ(s.producer().produce(r).error(), ErrorCode::queue_full);
    for (int i = 0; i < 2; ++i) {
        const auto event = s.producer().events(0s);
        ASSERT_TRUE(event);
        const auto& report = std::get<DeliveryReport>(*event);
        EXPECT_EQ(report.offset, Offset(i));
        EXPECT_EQ(report.opaque, &token);
        EXPECT_EQ(report.timestamp_ms, 123);
        EXPECT_EQ(report.topic(), "t");
    }
    EXPECT_FALSE(s.producer().events(0s));
    EXPECT_EQ(s.producer().size(), 0U);
    EXPECT_TRUE(s.producer().produce(r));
}

TEST(ProducerQueue, room_that_fetched_events_leave_is_told) {
    ProducerScript s(Config{{"queue.buffering.max.messages", 2}});
    Record r;
    r.topic = "t";
    ASSERT_TRUE(s.producer().produce(r));
    ASSERT_TRUE(s.producer().produce(r));
    s.loop.run_for(1s);
    std::optional<ErrorCode> room;
    s.producer().async_wait_for_room(1h, [&](const Result<void>& waited) { room = waited.error().code(); });
    s.loop.run_for(1s);
    EXPECT_FALSE(room);
    while (s.producer().events(0s)) {
    }
    s.loop.settle();
    EXPECT_EQ(room, ErrorCode::none);
}

TEST(ProducerQueue, who_waits_for_room_is_told_of_the_end) {
    ProducerScript s(Config{{"queue.buffering.max.messages", 1}});
    s.stop_broker();
    ASSERT_TRUE(s.produce(0, "v"));
    std::optional<ErrorCode> room;
    s.producer().async_wait_for_room(1h, [&](const Result<void>& waited) { room = waited.error().code(); });
    s.loop.run_for(1s);
    EXPECT_FALSE(room);
    ASSERT_TRUE(s.producer().test_fatal_error(ErrorCode::producer_fenced, "as the test wants"));
    EXPECT_EQ(s.producer().produce(Record{.topic = "t"}, nullptr, 1h).error(), ErrorCode::fatal)
        << "what will never be is not waited for";
    s.loop.run_for(1s);
    EXPECT_TRUE(room);
}

TEST(ProducerQueue, a_produce_that_would_block_is_refused_on_the_loop) {
    ProducerScript s(Config{{"queue.buffering.max.messages", 1}});
    std::optional<ErrorCode> blocking, at_once;
    asio::post(s.loop.io, [&] {
        blocking = s.producer().produce(Record{.topic = "t"}, nullptr, 1s).error().code();
        at_once = s.producer().produce(Record{.topic = "t"}, nullptr, 0s).error().code();
    });
    s.loop.settle();
    EXPECT_EQ(blocking, ErrorCode::invalid_state);
    EXPECT_EQ(at_once, ErrorCode::none);
    EXPECT_EQ(s.producer().produce(Record{.topic = "t"}, nullptr, 0s).error(), ErrorCode::queue_full);
}

TEST(ProducerQueue, errors_that_nobody_fetches_are_nothing_to_wait_for) {
    EventQueue events([](BatchPtr) {});
    events.push(Error::of(ErrorCode::transport));
    EXPECT_EQ(events.size(), 0U);
    EXPECT_TRUE(events.pop(0s));
    EXPECT_EQ(events.size(), 0U);
}

}  // namespace
}  // namespace ottla::client
