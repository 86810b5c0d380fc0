// SPDX-License-Identifier: Apache-2.0
// BriefMutex: for what several threads hold in turn, for moments and very often. Taking it is one atomic exchange and
// letting it go one plain store, which does not wait for what was written before. The price: a sleeper may be
// overlooked; therefore none sleeps for more than 50 µs without looking again. See
// docs/decisions/011-a-mutex-for-moments.md.
#pragma once

#include <atomic>
#include <cstdint>

namespace ottla::base {

class BriefMutex {
public:
    BriefMutex() = default;
    BriefMutex(const BriefMutex&) = delete;
    BriefMutex& operator=(const BriefMutex&) = delete;

    void lock() noexcept {
        if (!try_lock()) [[unlikely]]
            lock_slowly();
    }
    bool try_lock() noexcept { return taken_.exchange(1, std::memory_order_acquire) == 0; }
    void unlock() noexcept {
        taken_.store(0, std::memory_order_release);
        if (sleepers_.load(std::memory_order_relaxed) != 0) [[unlikely]]
            wake_one();
    }

private:
    void lock_slowly() noexcept;
    void wake_one() noexcept;

    std::atomic<std::uint32_t> taken_{0};
    std::atomic<std::uint32_t> sleepers_{0};
};

}  // namespace ottla::base
