// SPDX-License-Identifier: Apache-2.0
// DelayGate: lets the records of a retry topic's partition pass when their delay is over: so long after they were
// written there. Who polls reads the partition again from the first that may not pass, and meanwhile pauses it. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include <ottla/message.hpp>

#include "base/clock.hpp"

namespace ottla::client {

class DelayGate {
public:
    explicit DelayGate(std::chrono::milliseconds delay) noexcept : delay_(delay) {}

    // How many of them, from the first on, may go. Whatever clock wrote their timestamps: none waits longer than the
    // delay from when it was seen first.
    std::size_t pass(std::span<const MessageView>, base::TimePoint now, std::int64_t wall_ms) noexcept;
    // Nothing may pass before; in the past when it is open. A twentieth of the delay goes by at least, so that records
    // that are due one after the other are not fetched one by one.
    base::TimePoint opens_at() const noexcept { return opens_at_; }

private:
    std::chrono::milliseconds delay_;
    base::TimePoint opens_at_;
    // How far the clock of those who write seems to be ahead: so far lay the timestamp of a record in the future that
    // had to pass.
    std::int64_t ahead_ms_ = 0;
    // The first that could not pass, and when it may.
    std::int64_t held_ = -1;
    base::TimePoint held_until_;
};

}  // namespace ottla::client
