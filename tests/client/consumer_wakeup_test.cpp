// SPDX-License-Identifier: Apache-2.0
// wakeup() ends one poll, whatever form it has and whatever is here, and takes nothing with it.
#include <thread>

#include "tests/client/consumer_script.hpp"
#include "tests/client/group_script.hpp"

namespace ottla::client {
namespace {

// How each form of a poll ended: the name of an error, a value, or "nothing".
std::string outcome_of(const std::optional<Event>& event) {
    if (!event) return "nothing";
    if (const auto* m = std::get_if<Message>(&*event)) return std::string(m->value().text());
    const auto* error = std::get_if<Error>(&*event);
    return error ? std::string(error->name()) : to_string(*event);
}
std::string outcome_of(const Result<Message>& message) {
    return message ? std::string(message->value().text()) : std::string(message.error().name());
}
std::string outcome_of(const Result<MessageBatch>& batch) {
    if (!batch) return std::string(batch.error().name());
    return batch->empty() ? "nothing" : std::string((*batch)[0].value().text());
}

constexpr int forms = 3;

std::string poll_in_form(Consumer& consumer, int form, std::chrono::nanoseconds timeout) {
    if (form == 0) return outcome_of(consumer.poll(timeout));
    if (form == 1) return outcome_of(consumer.read_message(timeout));
    return outcome_of(consumer.poll_batch(timeout));
}

void begin_poll(Consumer& consumer, int form, std::string& ended) {
    if (form == 0)
        consumer.async_poll(60s, [&](const Result<std::optional<Event>>& e) { ended = outcome_of(e.value()); });
    else if (form == 1)
        consumer.async_read_message(60s, [&](const Result<Message>& m) { ended = outcome_of(m); });
    else
        consumer.async_poll_batch(60s, [&](const Result<MessageBatch>& b) { ended = outcome_of(b); });
}

TEST(ConsumerWakeup, ends_the_poll_that_waits_on_the_loop) {
    for (int form = 0; form < forms; ++form) {
        ConsumerScript s;
        s.consumer->assign({{"t", 0, 0}}).value();
        std::string first, second;
        begin_poll(*s.consumer, form, first);
        s.loop.run_for(1s);
        EXPECT_EQ(first, "");
        s.consumer->wakeup();
        s.loop.run_for(1ms);
        EXPECT_EQ(first, "CANCELLED");
        begin_poll(*s.consumer, form, second);
        s.broker.log = {{0, batch_of(0, 1)}};
        s.broker.high = 1;
        s.loop.run_for(1s);
        EXPECT_EQ(second, "v0") << "one poll, and nothing is lost";
    }
}

TEST(ConsumerWakeup, ends_a_poll_that_waits_in_another_thread) {
    for (int form = 0; form < forms; ++form) {
        auto consumer =
            Consumer::create({{"bootstrap.servers", "127.0.0.1:1"}}, {.log = [](const LogEvent&) {}}).value();
        std::string ended;
        std::thread thread([&] {
            // What else there is to tell: nobody can be reached.
            do ended = poll_in_form(consumer, form, 60s);
            while (ended == "ALL_BROKERS_DOWN");
        });
        consumer.wakeup();
        thread.join();
        EXPECT_EQ(ended, "CANCELLED");
        consumer.close(1s).value();
    }
}

TEST(ConsumerWakeup, else_the_next_poll_ends_though_messages_are_here) {
    for (int form = 0; form < forms; ++form) {
        ConsumerScript s;
        s.broker.log = {{0, batch_of(0, 2)}};
        s.broker.high = 2;
        s.consumer->assign({{"t", 0, 0}}).value();
        s.loop.run_for(1s);
        for (int i = 0; i < 3; ++i) s.consumer->wakeup();
        EXPECT_EQ(poll_in_form(*s.consumer, form, 0s), "CANCELLED");
        EXPECT_EQ(poll_in_form(*s.consumer, form, 0s), "v0");
    }
}

TEST(ConsumerWakeup, ends_one_of_several_that_wait) {
    ConsumerScript s;
    s.consumer->assign({{"t", 0, 0}}).value();
    std::array<std::string, 3> ended;
    for (auto& one : ended) begin_poll(*s.consumer, 1, one);
    s.loop.run_for(1s);
    for (int woken = 1; woken <= 3; ++woken) {
        s.consumer->wakeup();
        s.loop.run_for(1ms);
        EXPECT_EQ(std::ranges::count(ended, "CANCELLED"), woken);
    }
}

TEST(ConsumerWakeup, takes_no_rebalance_and_no_commit_with_it_and_counts_as_a_poll) {
    GroupScript s;
    auto& c = s.add({{"auto.commit.interval.ms", 100}});
    c.subscribe({"t"}).value();
    s.loop.run_for(1s);
    c.wakeup();
    EXPECT_EQ(poll_in_form(c, 0, 0s), "CANCELLED") << "before the rebalance that waits";
    EXPECT_EQ(s.read(c, 2), "assigned t[0]; v0; v1; ");
    c.wakeup();
    s.loop.run_for(1s);
    EXPECT_EQ(s.committed(), 1);
    EXPECT_EQ(poll_in_form(c, 1, 0s), "CANCELLED");
    s.loop.run_for(1s);
    EXPECT_EQ(s.committed(), 2) << "who polls is done with what was handed out";
    c.wakeup();
    const auto done = s.commit(c);
    EXPECT_TRUE(done || done.error() == ErrorCode::no_offset);
}

TEST(ConsumerWakeup, of_a_closed_consumer_does_nothing) {
    auto consumer = Consumer::create({{"bootstrap.servers", "127.0.0.1:1"}}, {.log = [](const LogEvent&) {}}).value();
    consumer.close(1s).value();
    consumer.wakeup();
    EXPECT_EQ(consumer.read_message(1s).error(), ErrorCode::closed);
}

}  // namespace
}  // namespace ottla::client
