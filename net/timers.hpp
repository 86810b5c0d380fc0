// SPDX-License-Identifier: Apache-2.0
// Timers: a clock that one can wait for. Real ones follow the monotonic clock, VirtualTimers the simulator. Waiting
// has no object of its own; Alarm is the one that can be moved and cancelled.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/any_completion_handler.hpp>

#include "base/clock.hpp"

namespace ottla::net {

namespace asio = boost::asio;
using base::Duration;
using base::TimePoint;
using boost::system::error_code;

class Timers : public base::Clock {
public:
    using WaitHandler = asio::any_completion_handler<void(error_code)>;

    // Completes on `executor` at `at` (at once when that is past), or with operation_aborted when the handler's
    // cancellation slot fires. Never completes before it returns. Any thread.
    virtual void start_wait(asio::any_io_executor executor, TimePoint at, WaitHandler) = 0;

    // The token's own executor is used: awaitables have theirs, a plain callback brings one by bind_executor.
    template <class Token>
    auto async_wait_until(TimePoint at, Token&& token) {
        return asio::async_initiate<Token, void(error_code)>(
            [this](auto handler, TimePoint when) {
                asio::any_io_executor executor = asio::get_associated_executor(handler);
                start_wait(std::move(executor), when, WaitHandler(std::move(handler)));
            },
            token, at);
    }

    // Returns at `at`; cancelled, it throws like every awaitable.
    asio::awaitable<void> wait_until(TimePoint at);
    asio::awaitable<void> wait_for(Duration);
};

// Follows steady_clock. No state: one will do for any number of loops.
class SystemTimers final : public Timers {
public:
    TimePoint now() const override { return clock_.now(); }
    std::int64_t wall_ms() const override { return clock_.wall_ms(); }
    std::int64_t about_wall_ms() const override { return clock_.about_wall_ms(); }
    void start_wait(asio::any_io_executor executor, TimePoint at, WaitHandler) override;

private:
    base::SystemClock clock_;
};

}  // namespace ottla::net
