// SPDX-License-Identifier: Apache-2.0
// Signal: wakes a coroutine that waits for something to change. A notification without a waiter is kept, and kept
// once; so one looks at the state again after every wait. One loop's thread; one waiter at a time.
#pragma once

#include "net/timers.hpp"

namespace ottla::net {

class Signal {
public:
    explicit Signal(asio::any_io_executor executor)
        : never_(std::move(executor), asio::steady_timer::time_point::max()) {}
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    // The waiter resumes by way of the executor, not within this call.
    void notify();

    // Returns after the next notification, or at once when one is kept. Cancelled, it throws like every awaitable.
    asio::awaitable<void> wait();
    // false: `at` came first.
    asio::awaitable<bool> wait_until(Timers& timers, TimePoint at);

private:
    asio::awaitable<void> wake();

    asio::steady_timer never_;  // only ever cancelled: a waiter goes with its io_context, whoever refers to whom
    bool waiting_ = false;
    bool notified_ = false;
};

}  // namespace ottla::net
