// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/deliveries.hpp"

#include <chrono>

namespace ottla::tools {

void Deliveries::wait_for(std::int64_t count) {
    std::unique_lock lock(mutex_);
    wake_at_.store(count, std::memory_order_seq_cst);
    woken_.wait_for(lock, std::chrono::milliseconds(2), [&] { return done() >= count; });
    wake_at_.store(std::numeric_limits<std::int64_t>::max(), std::memory_order_relaxed);
}

void Deliveries::fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (failed_.fetch_add(1, std::memory_order_release) == 0) first_error_ = error;
}

void Deliveries::wake() {
    const std::lock_guard lock(mutex_);
    wake_at_.store(std::numeric_limits<std::int64_t>::max(), std::memory_order_relaxed);
    woken_.notify_one();
}

}  // namespace ottla::tools
