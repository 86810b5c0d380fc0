// SPDX-License-Identifier: Apache-2.0
// Deliveries: counts what became of produced records, and lets the producing thread wait for room or for the end.
// report() is called on the client's loop, everything else on the one producing thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>

#include <ottla/delivery_report.hpp>

namespace ottla::tools {

class Deliveries {
public:
    void report(const DeliveryReport& report) {
        if (!report) fail(report.error);
        const std::int64_t done = done_.load(std::memory_order_relaxed) + 1;
        done_.store(done, std::memory_order_release);
        if (done >= wake_at_.load(std::memory_order_relaxed)) wake();
    }

    std::int64_t done() const noexcept { return done_.load(std::memory_order_acquire); }
    std::int64_t failed() const noexcept { return failed_.load(std::memory_order_acquire); }
    // The first failure there was.
    Error first_error() const {
        const std::lock_guard lock(mutex_);
        return first_error_;
    }

    // Waits until `count` records are reported, or a moment has passed: the caller looks again. The counters are
    // plain stores, so the last wake-up can be missed; the moment bounds that.
    void wait_for(std::int64_t count);

private:
    void fail(const Error&);
    void wake();

    std::atomic<std::int64_t> done_{0};
    std::atomic<std::int64_t> wake_at_{std::numeric_limits<std::int64_t>::max()};
    std::atomic<std::int64_t> failed_{0};
    mutable std::mutex mutex_;  // guards first_error_, and the waiting
    std::condition_variable woken_;
    Error first_error_;
};

}  // namespace ottla::tools
