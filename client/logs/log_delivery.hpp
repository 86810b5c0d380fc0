// SPDX-License-Identifier: Apache-2.0
// LogDelivery: hands a client's lines to the user: to his callback, or to the queue of his events. Any thread.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include <ottla/log.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace ottla::client {

class LogDelivery {
public:
    // So many lines wait for the queue, and in it; what comes then is dropped, and how many these were is said in a
    // line of its own as soon as there is room for it.
    static constexpr std::size_t lines_max = 10'000;
    // False: it is full.
    using Queue = Function<bool(LogEvent&&)>;

    // Without a callback lines wait for attach(). The clock is used until end().
    LogDelivery(std::string client, LogCallback, const base::Clock&);

    void deliver(base::LogLevel, std::string_view context, std::string_view text);
    // From now on lines go there, those that wait first. It is called one line at a time; it must not log.
    void attach(Queue);
    void detach();
    // Nothing is delivered any more.
    void end();

private:
    // Expects the mutex to be held.
    bool put(LogEvent&&);

    const std::string client_;
    LogCallback callback_;
    const bool has_callback_;
    std::mutex delivery_mutex_;  // guards what follows
    const base::Clock* clock_;
    Queue queue_;
    std::deque<LogEvent> waiting_;
    std::size_t dropped_ = 0;  // since this was told last
    bool was_attached_ = false;
};

}  // namespace ottla::client
