// SPDX-License-Identifier: Apache-2.0
// What becomes of records that are still here when a producer is flushed, purged, closed or dropped; on virtual time.
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio.hpp>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

TEST(Producer, flush_does_not_linger) {
    ProducerScript s(Config{{"linger.ms", 60000}});
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    EXPECT_TRUE(s.reports.empty());
    std::optional<std::size_t> left;
    s.producer().async_flush(10s, [&](Result<std::size_t> r) { left = *r; });
    s.loop.run_for(100ms);
    EXPECT_EQ(left, 0U);
    EXPECT_EQ(s.reports.size(), 1U);
}

TEST(Producer, flush_ends_at_its_deadline) {
    ProducerScript s;
    s.stop_broker();
    ASSERT_TRUE(s.produce(0, "a"));
    std::optional<std::size_t> left;
    s.producer().async_flush(3s, [&](Result<std::size_t> r) { left = *r; });
    s.loop.run_for(2900ms);
    EXPECT_FALSE(left);
    s.loop.run_for(200ms);
    EXPECT_EQ(left, 1U);
}

TEST(Producer, close_delivers_what_it_can_and_reports_the_rest) {
    ProducerScript s(Config{{"linger.ms", 60000}});
    s.broker.reactions = {slow(100s)};
    ASSERT_TRUE(s.produce(0, "in flight"));
    std::optional<bool> closed;
    s.producer().async_close(2s, [&](const Result<void>& r) { closed = r.has_value(); });
    s.loop.run_for(1s);
    EXPECT_TRUE(s.producer().is_closed());
    EXPECT_EQ(s.produce(0, "late").error(), ErrorCode::closed);
    EXPECT_FALSE(closed);
    s.loop.run_for(1100ms);
    EXPECT_EQ(closed, true);
    EXPECT_EQ(s.codes, Codes{ErrorCode::closed});
    EXPECT_EQ(s.statuses, std::vector{DeliveryStatus::possibly_persisted});
    closed.reset();
    s.producer().async_close(2s, [&](const Result<void>& r) { closed = r.has_value(); });
    s.loop.settle();
    EXPECT_EQ(closed, true) << "a second close finds nothing to do";
    s.loop.run_for(200s);
    EXPECT_EQ(s.reports.size(), 1U);
}

TEST(Producer, a_cancelled_close_closes_all_the_same) {
    for (const base::Duration after : {0s, 1s}) {
        ProducerScript s(Config{{"linger.ms", 0}});
        s.broker.reactions = {slow(100s)};
        ASSERT_TRUE(s.produce(0, "in flight"));
        s.loop.run_for(1s);
        asio::cancellation_signal cancel;
        std::optional<ErrorCode> code;
        s.producer().async_close(2s, asio::bind_cancellation_slot(cancel.slot(), [&](const Result<void>& r) {
                                     code = r ? ErrorCode::none : r.error().code();
                                 }));
        if (after > 0s) s.loop.run_for(after);
        cancel.emit(asio::cancellation_type::terminal);
        s.loop.settle();
        EXPECT_EQ(code, ErrorCode::cancelled);
        s.loop.run_for(3s);
        EXPECT_EQ(s.codes, Codes{ErrorCode::closed});
        code.reset();
        s.producer().async_close(2s, [&](const Result<void>& r) { code = r ? ErrorCode::none : r.error().code(); });
        s.loop.settle();
        EXPECT_EQ(code, ErrorCode::none);
    }
}

TEST(Producer, dropping_the_handle_reports_what_is_left) {
    ProducerScript s(Config{{"linger.ms", 60000}});
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    ASSERT_TRUE(s.produce(1, "b"));
    s.drop_handle();
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, (Codes{ErrorCode::closed, ErrorCode::closed}));
    EXPECT_EQ(s.statuses, (std::vector{DeliveryStatus::not_persisted, DeliveryStatus::not_persisted}));
}

TEST(Producer, purges_what_waits_and_what_is_in_flight) {
    ProducerScript s(Config{{"linger.ms", 0}});
    s.broker.reactions = {slow(1s)};
    ASSERT_TRUE(s.produce(0, "in flight"));
    s.loop.run_for(100ms);
    ASSERT_TRUE(s.produce(0, "queued"));
    s.producer().async_purge(PurgeWhat::all, [](const Result<void>&) {});
    s.loop.run_for(100ms);
    EXPECT_EQ(s.codes, (Codes{ErrorCode::purged_from_queue, ErrorCode::purged_in_flight}));
    ASSERT_TRUE(s.produce(0, "next"));
    s.loop.run_for(5s);
    EXPECT_EQ(s.broker.log[p0], (Lines{"in flight", "next"}));
    EXPECT_EQ(s.codes.back(), ErrorCode::none);
}

}  // namespace
}  // namespace ottla::client
