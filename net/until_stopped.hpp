// SPDX-License-Identifier: Apache-2.0
// UntilStopped: the life of a coroutine that works until it is told to stop, and of who waits for its end. One loop's
// thread.
#pragma once

#include "net/signal.hpp"

namespace ottla::net {

class UntilStopped {
public:
    explicit UntilStopped(asio::any_io_executor executor) : wake_(executor), ended_(std::move(executor)) {}

    // The coroutine holds it from its first line to its last.
    class Running {
    public:
        explicit Running(UntilStopped& life) noexcept : life_(life) { life_.running_ = true; }
        Running(const Running&) = delete;
        Running& operator=(const Running&) = delete;
        ~Running() {
            life_.running_ = false;
            life_.ended_.notify();
        }

    private:
        UntilStopped& life_;
    };

    // What the coroutine waits on: there is something to do, or it is to stop.
    Signal& wake() noexcept { return wake_; }
    bool stopping() const noexcept { return stopping_; }

    void stop() {
        stopping_ = true;
        wake_.notify();
    }
    // Returns when the coroutine has ended, or was never begun.
    asio::awaitable<void> ended() {
        if (running_) co_await ended_.wait();
    }

private:
    Signal wake_;
    Signal ended_;
    bool running_ = false;
    bool stopping_ = false;
};

}  // namespace ottla::net
