// SPDX-License-Identifier: Apache-2.0
// Turn: one coroutine after the other, in the order in which they asked. One loop's thread.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "net/signal.hpp"

namespace ottla::net {

class Turn {
public:
    // Whoever holds it has the turn; it goes on with its end.
    class Hold {
    public:
        explicit Hold(Turn& turn) noexcept : turn_(&turn) {}
        Hold(Hold&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
        Hold& operator=(Hold&&) = delete;
        ~Hold() {
            if (turn_) turn_->give();
        }

    private:
        Turn* turn_;
    };

    explicit Turn(asio::any_io_executor executor) : executor_(std::move(executor)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Waits for its turn. Cancelled, it throws, and leaves the queue.
    asio::awaitable<Hold> take();

private:
    void give();

    asio::any_io_executor executor_;
    bool taken_ = false;
    std::deque<std::shared_ptr<Signal>> waiting_;
};

}  // namespace ottla::net
