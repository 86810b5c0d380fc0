// SPDX-License-Identifier: Apache-2.0
#include "net/signal.hpp"

#include "base/assert.hpp"
#include "net/alarm.hpp"

namespace ottla::net {

void Signal::notify() {
    notified_ = true;
    if (waiting_) never_.cancel();
}

asio::awaitable<void> Signal::wake() {
    OTTLA_ASSERT(!waiting_);
    waiting_ = true;
    error_code ec;
    co_await never_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    waiting_ = false;
}

asio::awaitable<void> Signal::wait() {
    if (!notified_) co_await wake();
    if (!std::exchange(notified_, false)) throw boost::system::system_error(asio::error::operation_aborted);
}

asio::awaitable<bool> Signal::wait_until(Timers& timers, TimePoint at) {
    bool late = false;
    if (!notified_) {
        Alarm alarm(timers, never_.get_executor(), [this, &late] {
            late = true;
            never_.cancel();
        });
        alarm.set(at);
        co_await wake();
    }
    if (std::exchange(notified_, false)) co_return true;
    if (!late) throw boost::system::system_error(asio::error::operation_aborted);
    co_return false;
}

}  // namespace ottla::net
