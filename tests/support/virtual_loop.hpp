// SPDX-License-Identifier: Apache-2.0
// VirtualLoop: one io_context and virtual time, run from the test's own thread: whatever can run is run, then time
// moves to the next deadline.
#pragma once

#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include <boost/asio.hpp>

#include "net/virtual_timers.hpp"

namespace ottla::test {

namespace asio = boost::asio;
using base::Duration;
using base::TimePoint;

class VirtualLoop {
public:
    ~VirtualLoop() { timers.clear(); }

    // Everything that is ready runs. Returns how many handlers did. Throws when that does not end: somebody goes in
    // circles without letting time pass, which in real life takes a whole core.
    std::size_t settle() {
        if (io.stopped()) io.restart();
        std::size_t ran = 0;
        while (io.poll_one() != 0)
            if (++ran > handlers_at_once_max) throw std::runtime_error("the loop spins: time cannot pass");
        events_ += ran;
        return ran;
    }

    // Settles, or moves to the next deadline, not past `limit`. false: neither was possible.
    bool step(TimePoint limit = TimePoint::max()) {
        if (settle() != 0) return true;
        const auto next = timers.next_deadline();
        if (!next || *next > limit) return false;
        timers.advance_to(*next);
        return true;
    }

    void run_for(Duration time) {
        const TimePoint end = timers.now() + time;
        while (step(end)) {
        }
        timers.advance_to(end);
        settle();
    }

    // Until `done()` or until nothing moves any more within `limit`. Returns done().
    template <class Done>
    bool run_until(Done done, Duration limit = std::chrono::hours(1)) {
        const TimePoint end = timers.now() + limit;
        while (!done())
            if (!step(end)) return done();
        return true;
    }

    // Runs the loop until the coroutine ends; its result, or nothing when it did not end within `limit`.
    template <class T>
    std::optional<T> run(asio::awaitable<T> work, Duration limit = std::chrono::hours(1)) {
        std::optional<T> result;
        std::exception_ptr thrown;
        bool ended = false;
        auto abandoned = std::make_shared<bool>(false);
        asio::co_spawn(io, std::move(work), [&, abandoned](std::exception_ptr error, T value) {
            if (*abandoned) return;
            ended = true;
            thrown = error;
            if (!error) result.emplace(std::move(value));
        });
        run_until([&ended] { return ended; }, limit);
        *abandoned = true;
        if (thrown) std::rethrow_exception(thrown);
        return result;
    }
    // The same without a result; false when it did not end.
    bool run(asio::awaitable<void> work, Duration limit = std::chrono::hours(1)) {
        return run(ended(std::move(work)), limit).has_value();
    }

    std::uint64_t events() const noexcept { return events_; }

    net::VirtualTimers timers;  // outlives what still refers to it from within `io`
    asio::io_context io{1};

private:
    static constexpr std::size_t handlers_at_once_max = 1'000'000;

    static asio::awaitable<bool> ended(asio::awaitable<void> work) {
        co_await std::move(work);
        co_return true;
    }

    std::uint64_t events_ = 0;
};

}  // namespace ottla::test
