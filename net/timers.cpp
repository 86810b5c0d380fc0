// SPDX-License-Identifier: Apache-2.0
#include "net/timers.hpp"

#include <memory>

namespace ottla::net {

asio::awaitable<void> Timers::wait_until(TimePoint at) { co_await async_wait_until(at, asio::use_awaitable); }

asio::awaitable<void> Timers::wait_for(Duration time) { co_await async_wait_until(now() + time, asio::use_awaitable); }

namespace {

// A wait that is under way. It may go without an end, together with its io_context: whoever cancels it then must not
// reach the timer that was here.
class Wait {
public:
    Wait(Timers::WaitHandler handler, std::unique_ptr<asio::steady_timer> timer, asio::cancellation_slot slot)
        : handler_(std::move(handler)),
          timer_(std::move(timer)),
          slot_(slot) {}
    Wait(Wait&&) = default;
    ~Wait() {
        if (timer_) slot_.clear();
    }
    void operator()(error_code ec) {
        slot_.clear();
        timer_.reset();
        std::move(handler_)(ec);
    }

private:
    Timers::WaitHandler handler_;  // goes last: the slot may be its own
    std::unique_ptr<asio::steady_timer> timer_;
    asio::cancellation_slot slot_;
};

}  // namespace

void SystemTimers::start_wait(asio::any_io_executor executor, TimePoint at, WaitHandler handler) {
    auto timer = std::make_unique<asio::steady_timer>(std::move(executor), at);
    asio::steady_timer& started = *timer;
    const auto own = asio::get_associated_executor(handler, started.get_executor());
    const auto slot = asio::get_associated_cancellation_slot(handler);
    Wait wait(std::move(handler), std::move(timer), slot);
    started.async_wait(asio::bind_cancellation_slot(slot, asio::bind_executor(own, std::move(wait))));
}

}  // namespace ottla::net
