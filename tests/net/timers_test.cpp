// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "net/alarm.hpp"
#include "net/run_on.hpp"
#include "net/signal.hpp"
#include "net/simulated_workers.hpp"
#include "net/turn.hpp"
#include "tests/support/virtual_loop.hpp"

namespace ottla::net {
namespace {

using namespace std::chrono_literals;
using test::VirtualLoop;

asio::awaitable<void> note_after(Timers& timers, Duration time, std::vector<int>& notes, int note) {
    co_await timers.wait_for(time);
    notes.push_back(note);
}

TEST(VirtualTimers, end_waits_in_the_order_of_time_and_then_of_beginning) {
    VirtualLoop loop;
    std::vector<int> notes;
    asio::co_spawn(loop.io, note_after(loop.timers, 1h, notes, 3), asio::detached);
    asio::co_spawn(loop.io, note_after(loop.timers, 1s, notes, 1), asio::detached);
    asio::co_spawn(loop.io, note_after(loop.timers, 1s, notes, 2), asio::detached);
    asio::co_spawn(loop.io, note_after(loop.timers, 0s, notes, 0), asio::detached);
    const auto start = loop.timers.now();
    const auto wall = loop.timers.wall_ms();
    loop.run_for(2h);
    EXPECT_EQ(notes, (std::vector<int>{0, 1, 2, 3}));
    EXPECT_EQ(loop.timers.now() - start, 2h);
    EXPECT_EQ(loop.timers.wall_ms() - wall, 7'200'000);
    EXPECT_EQ(loop.timers.next_deadline(), std::nullopt);
}

TEST(VirtualTimers, cancelled_waits_end_at_once) {
    VirtualLoop loop;
    std::vector<int> notes;
    asio::cancellation_signal cancel;
    bool threw = false;
    asio::co_spawn(loop.io, note_after(loop.timers, 1h, notes, 1),
                   asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr e) { threw = e != nullptr; }));
    loop.settle();
    EXPECT_EQ(loop.timers.waiting(), 1U);
    cancel.emit(asio::cancellation_type::terminal);
    loop.settle();
    EXPECT_TRUE(threw);
    EXPECT_TRUE(notes.empty());
    EXPECT_EQ(loop.timers.waiting(), 0U);
}

TEST(VirtualTimers, go_with_whatever_waits_on_them) {
    std::vector<int> notes;
    VirtualLoop loop;
    asio::co_spawn(loop.io, note_after(loop.timers, 1h, notes, 1), asio::detached);
    loop.settle();
}

TEST(SystemTimers, follow_the_monotonic_clock) {
    asio::io_context io{1};
    SystemTimers timers;
    std::vector<int> notes;
    asio::co_spawn(io, note_after(timers, 2ms, notes, 2), asio::detached);
    asio::co_spawn(io, note_after(timers, 1ms, notes, 1), asio::detached);
    asio::cancellation_signal cancel;
    asio::co_spawn(io, note_after(timers, 1h, notes, 3),
                   asio::bind_cancellation_slot(cancel.slot(), [](std::exception_ptr) {}));
    asio::post(io, [&cancel] { cancel.emit(asio::cancellation_type::terminal); });
    io.run();
    EXPECT_EQ(notes, (std::vector<int>{1, 2}));
}

// Who cancels late must not reach a timer that has gone; the sanitizers see it.
TEST(SystemTimers, a_wait_that_ended_or_went_with_its_io_context_can_be_cancelled) {
    SystemTimers timers;
    asio::cancellation_signal ended;
    asio::cancellation_signal gone;
    int calls = 0;
    {
        asio::io_context io;
        const auto count = [&calls](error_code) { ++calls; };
        timers.start_wait(io.get_executor(), timers.now(), asio::bind_cancellation_slot(ended.slot(), count));
        timers.start_wait(io.get_executor(), timers.now() + 1h, asio::bind_cancellation_slot(gone.slot(), count));
        while (calls == 0) io.run_one();
        ended.emit(asio::cancellation_type::terminal);
    }
    ended.emit(asio::cancellation_type::terminal);
    gone.emit(asio::cancellation_type::terminal);
    EXPECT_EQ(calls, 1);
}

TEST(Alarm, may_go_after_the_io_context_that_it_rang_on) {
    SystemTimers timers;
    auto io = std::make_unique<asio::io_context>();
    std::optional<Alarm> alarm(std::in_place, timers, io->get_executor(), [] {});
    alarm->set(timers.now() + 1h);
    io->poll();
    io.reset();
    EXPECT_TRUE(alarm->at());
    alarm.reset();
}

TEST(Alarm, rings_at_the_last_time_set) {
    VirtualLoop loop;
    int rings = 0;
    Alarm alarm(loop.timers, loop.io.get_executor(), [&rings] { ++rings; });
    const auto start = loop.timers.now();
    alarm.set(start + 10s);
    alarm.set(start + 20s);
    alarm.set_if_earlier(start + 30s);
    EXPECT_EQ(alarm.at(), start + 20s);
    loop.run_for(15s);
    EXPECT_EQ(rings, 0);
    loop.run_for(10s);
    EXPECT_EQ(rings, 1);
    EXPECT_EQ(alarm.at(), std::nullopt);
    alarm.set(loop.timers.now());
    alarm.cancel();
    loop.run_for(1s);
    EXPECT_EQ(rings, 1);
}

TEST(Alarm, may_set_and_destroy_itself_while_it_rings) {
    VirtualLoop loop;
    int rings = 0;
    std::optional<Alarm> alarm;
    alarm.emplace(loop.timers, loop.io.get_executor(), [&] {
        if (++rings == 3)
            alarm.reset();
        else
            alarm->set(loop.timers.now() + 1s);
    });
    alarm->set(loop.timers.now() + 1s);
    loop.run_for(1min);
    EXPECT_EQ(rings, 3);
}

asio::awaitable<void> count_signals(Signal& signal, int& count) {
    for (;;) {
        co_await signal.wait();
        ++count;
    }
}

TEST(Signal, wakes_its_waiter_and_keeps_one_notification) {
    VirtualLoop loop;
    Signal signal(loop.io.get_executor());
    int count = 0;
    signal.notify();
    signal.notify();
    asio::co_spawn(loop.io, count_signals(signal, count), asio::detached);
    loop.settle();
    EXPECT_EQ(count, 1);
    signal.notify();
    EXPECT_EQ(count, 1);
    loop.settle();
    EXPECT_EQ(count, 2);
}

TEST(Signal, waits_until_a_deadline) {
    VirtualLoop loop;
    Signal signal(loop.io.get_executor());
    const auto start = loop.timers.now();
    EXPECT_EQ(loop.run(signal.wait_until(loop.timers, start + 5s)), false);
    EXPECT_EQ(loop.timers.now(), start + 5s);
    signal.notify();
    EXPECT_EQ(loop.run(signal.wait_until(loop.timers, start + 10s)), true);
    Alarm later(loop.timers, loop.io.get_executor(), [&signal] { signal.notify(); });
    later.set(start + 8s);
    EXPECT_EQ(loop.run(signal.wait_until(loop.timers, start + 10s)), true);
    EXPECT_EQ(loop.timers.now(), start + 8s);
    EXPECT_EQ(loop.timers.waiting(), 0U);
}

asio::awaitable<int> square_on(base::Workers& workers, int n) {
    auto job = [n] { return n * n; };
    co_return co_await run_on(workers, std::move(job));
}

TEST(RunOn, returns_what_the_job_did_from_a_thread_of_the_pool) {
    asio::io_context io{1};
    const auto workers = base::make_thread_workers(2, "test");
    int sum = 0;
    for (int i = 1; i <= 10; ++i)
        asio::co_spawn(io, square_on(*workers, i), [&sum](std::exception_ptr, int square) { sum += square; });
    io.run();
    EXPECT_EQ(sum, 385);
}

asio::awaitable<void> visit_each(base::Workers& workers, std::size_t width, std::vector<std::atomic<int>>& visits) {
    auto visit = [&visits](std::size_t i) { ++visits[i]; };
    co_await run_each_on(workers, width, visits.size(), visit);
}

TEST(RunOn, calls_a_job_once_for_each_on_several_threads) {
    const auto workers = base::make_thread_workers(4, "test");
    for (const std::size_t count : {0U, 1U, 3U, 1000U}) {
        for (const std::size_t width : {0U, 1U, 4U, 100U}) {
            asio::io_context io{1};
            std::vector<std::atomic<int>> visits(count);
            bool ended = false;
            asio::co_spawn(io, visit_each(*workers, width, visits), [&ended](std::exception_ptr e) { ended = !e; });
            io.run();
            EXPECT_TRUE(ended);
            for (const auto& times : visits) EXPECT_EQ(times, 1);
        }
    }
}

TEST(RunOn, takes_virtual_time_with_simulated_workers) {
    VirtualLoop loop;
    SimulatedWorkers workers(loop.timers, loop.io.get_executor(), base::Random(1), 2ms, 2ms);
    const auto start = loop.timers.now();
    EXPECT_EQ(loop.run(square_on(workers, 7)), 49);
    EXPECT_EQ(loop.timers.now() - start, 2ms);
    EXPECT_EQ(workers.jobs(), 1U);
}

asio::awaitable<void> take_turn(Turn& turn, Timers& timers, Duration time, std::vector<int>& notes, int note) {
    const auto hold = co_await turn.take();
    notes.push_back(note);
    co_await timers.wait_for(time);
    notes.push_back(-note);
}

TEST(Turn, goes_round_in_the_order_of_asking_and_past_who_is_cancelled) {
    VirtualLoop loop;
    Turn turn(loop.io.get_executor());
    std::vector<int> notes;
    asio::cancellation_signal cancel;
    const auto spawn = [&](int note, auto token) {
        asio::co_spawn(loop.io, take_turn(turn, loop.timers, 1s, notes, note), std::move(token));
        loop.settle();
    };
    spawn(1, asio::detached);
    spawn(2, asio::bind_cancellation_slot(cancel.slot(), asio::detached));
    spawn(3, asio::detached);
    EXPECT_EQ(notes, (std::vector<int>{1}));
    cancel.emit(asio::cancellation_type::terminal);
    loop.run_for(1min);
    EXPECT_EQ(notes, (std::vector<int>{1, -1, 3, -3}));
    spawn(4, asio::detached);
    EXPECT_EQ(notes.back(), 4);
    loop.run_for(1min);
}

}  // namespace
}  // namespace ottla::net
