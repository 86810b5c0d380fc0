// SPDX-License-Identifier: Apache-2.0
#include "net/timers.hpp"

#include <memory>

namespace ottla::net {

asio::awaitable<void> Timers::wait_until(TimePoint at) { co_await async_wait_until(at, asio::use_awaitable); }

asio::awaitable<void> Timers::wait_for(Duration time) { co_await async_wait_until(now() + time, asio::use_awaitable); }

void SystemTimers::start_wait(asio::any_io_executor executor, TimePoint at, WaitHandler handler) {
    auto timer = std::make_unique<asio::steady_timer>(std::move(executor), at);
    asio::steady_timer& started = *timer;
    const auto own = asio::get_associated_executor(handler, started.get_executor());
    const auto slot = asio::get_associated_cancellation_slot(handler);
    auto complete = [handler = std::move(handler), timer = std::move(timer)](error_code ec) mutable {
        timer.reset();
        std::move(handler)(ec);
    };
    started.async_wait(asio::bind_cancellation_slot(slot, asio::bind_executor(own, std::move(complete))));
}

}  // namespace ottla::net
