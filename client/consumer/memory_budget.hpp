// SPDX-License-Identifier: Apache-2.0
// MemoryBudget: the bytes that a consumer's fetched responses, and what was decompressed of them, take, from the moment
// they are there until nobody holds them any more. Any thread; given back from wherever the last message goes.
#pragma once

#include <atomic>
#include <cstdint>

#include <ottla/function.hpp>

namespace ottla::client {

class MemoryBudget {
public:
    // `on_room` is called, from any thread, when the use falls below the limit.
    MemoryBudget(std::int64_t limit, Function<void()> on_room) : limit_(limit), on_room_(std::move(on_room)) {}

    void charge(std::int64_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
    void give_back(std::int64_t bytes) {
        const auto before = used_.fetch_sub(bytes, std::memory_order_acq_rel);
        if (before >= limit_ && before - bytes < limit_ && on_room_) on_room_();
    }
    std::int64_t room() const noexcept { return limit_ - used_.load(std::memory_order_acquire); }
    std::int64_t used() const noexcept { return used_.load(std::memory_order_acquire); }

private:
    const std::int64_t limit_;
    std::atomic<std::int64_t> used_{0};
    Function<void()> on_room_;
};

}  // namespace ottla::client
