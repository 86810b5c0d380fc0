// SPDX-License-Identifier: Apache-2.0
#include "base/brief_mutex.hpp"

#if defined(__linux__)
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <thread>
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ottla::base {

namespace {

// About as long as the holder takes, unless it is not running.
constexpr int spins = 200;

void relax() noexcept {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

#if defined(__linux__)
void sleep_while_taken(std::atomic<std::uint32_t>& taken) noexcept {
    const timespec most{0, 50'000};
    ::syscall(SYS_futex, &taken, FUTEX_WAIT_PRIVATE, 1, &most, nullptr, 0);
}
#else
void sleep_while_taken(std::atomic<std::uint32_t>&) noexcept { std::this_thread::yield(); }
#endif

}  // namespace

void BriefMutex::lock_slowly() noexcept {
    for (int i = 0; i < spins; ++i) {
        relax();
        if (taken_.load(std::memory_order_relaxed) == 0 && try_lock()) return;
    }
    sleepers_.fetch_add(1, std::memory_order_relaxed);
    while (!try_lock()) sleep_while_taken(taken_);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

void BriefMutex::wake_one() noexcept {
#if defined(__linux__)
    ::syscall(SYS_futex, &taken_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
#endif
}

}  // namespace ottla::base
