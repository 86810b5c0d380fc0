// SPDX-License-Identifier: Apache-2.0
#include "base/brief_mutex.hpp"

#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ottla::base {
namespace {

TEST(BriefMutex, one_at_a_time) {
    BriefMutex mutex;
    long sum = 0;  // not atomic
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 100'000; ++i) {
                const std::lock_guard hold(mutex);
                ++sum;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(sum, 400'000);
}

TEST(BriefMutex, who_has_to_wait_for_long_gets_it_in_the_end) {
    BriefMutex mutex;
    std::atomic<bool> waits{false}, got{false};
    mutex.lock();
    EXPECT_FALSE(mutex.try_lock());
    std::thread other([&] {
        waits = true;
        const std::lock_guard hold(mutex);
        got = true;
    });
    while (!waits) std::this_thread::yield();
    for (int i = 0; i < 2000; ++i) std::this_thread::yield();  // it sleeps by now, most likely
    EXPECT_FALSE(got);
    mutex.unlock();
    other.join();
    EXPECT_TRUE(got);
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
}

}  // namespace
}  // namespace ottla::base
