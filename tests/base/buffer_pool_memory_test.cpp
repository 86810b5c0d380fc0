// SPDX-License-Identifier: Apache-2.0
// What the pool's buffers hold of the system's memory. A program of its own: it counts every operator new.
#include <vector>

#include <gtest/gtest.h>

#include "base/buffer_pool.hpp"
#include "tests/support/counted_memory.hpp"

namespace ottla::base {
namespace {

constexpr std::size_t kib = 1024, mib = 1024 * kib;

TEST(BufferPool, a_full_pool_takes_no_more_for_large_buffers_than_they_are) {
    BufferPool pool(8 * mib);
    {
        std::vector<Buffer> small;
        for (std::size_t i = 0; i < 8 * mib / (64 * kib); ++i) small.push_back(pool.take(64 * kib));
    }
    ASSERT_EQ(pool.idle_bytes(), 8 * mib);
    const std::size_t before = tests::live_memory();
    std::vector<Buffer> taken;
    for (int i = 0; i < 64; ++i) taken.push_back(pool.take(256 * kib));
    EXPECT_LE(tests::live_memory() - before, 64 * 257 * kib);
    taken.clear();
    EXPECT_LE(pool.idle_bytes(), 8 * mib);
    EXPECT_LE(tests::live_memory() - before, 64 * kib) << "no more is kept than before";
}

TEST(BufferPool, keeps_as_much_as_is_in_use) {
    BufferPool pool(8 * mib);
    const std::size_t before = tests::live_memory();
    std::vector<Buffer> taken;
    for (int i = 0; i < 100; ++i) taken.push_back(pool.take(mib));
    taken.resize(60);
    EXPECT_EQ(pool.idle_bytes(), 40 * mib);
    taken.resize(40);
    EXPECT_EQ(pool.idle_bytes(), 40 * mib);
    EXPECT_LE(tests::live_memory() - before, 81 * mib);
    for (int i = 0; i < 30; ++i) taken.push_back(pool.take(mib));
    EXPECT_EQ(pool.idle_bytes(), 10 * mib);
    EXPECT_LE(tests::live_memory() - before, 81 * mib) << "what was idle is used again";
    taken.clear();
    EXPECT_EQ(pool.idle_bytes(), 8 * mib);
    pool.keep_at_most(3 * mib);
    EXPECT_EQ(pool.idle_bytes(), 3 * mib);
    EXPECT_LE(tests::live_memory() - before, 4 * mib);
}

}  // namespace
}  // namespace ottla::base
