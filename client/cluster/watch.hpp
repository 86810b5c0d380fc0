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
    Watch(Watched& watched, boost::asio::any_io_executor executor) : signal_(std::move(executor)) { add(watched); }
    // To be told of this, too.
    void add(Watched& watched) {
        watched.waiting_.push_back(&signal_);
        watched_.push_back(&watched);
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() {
        for (Watched* w : watched_) std::erase(w->waiting_, &signal_);
    }

    // false: `at` came first.
    boost::asio::awaitable<bool> wait_until(net::Timers& timers, base::TimePoint at) {
        return signal_.wait_until(timers, at);
    }

private:
    std::vector<Watched*> watched_;
    net::Signal signal_;
};

}  // namespace ottla::client
