// SPDX-License-Identifier: Apache-2.0
// Watch: a coroutine's place among those who are told that something has changed. Loop only.
#pragma once

#include <algorithm>
#include <vector>

#include "net/signal.hpp"

namespace ottla::client {

class Watched {
public:
    void notify() {
        for (net::Signal* s : waiting_) s->notify();
    }

private:
    friend class Watch;
    std::vector<net::Signal*> waiting_;
};

// Notifications from its making on are kept; so one makes it, looks, and waits.
class Watch {
public:
    Watch(Watched& watched, boost::asio::any_io_executor executor) : watched_(watched), signal_(std::move(executor)) {
        watched_.waiting_.push_back(&signal_);
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { std::erase(watched_.waiting_, &signal_); }

    // false: `at` came first.
    boost::asio::awaitable<bool> wait_until(net::Timers& timers, base::TimePoint at) {
        return signal_.wait_until(timers, at);
    }

private:
    Watched& watched_;
    net::Signal signal_;
};

}  // namespace ottla::client
