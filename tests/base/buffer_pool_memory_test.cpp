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
    EXPECT_LE(tests::live_memory() - before, 64 * kib) << "nothing of them is kept";
}

TEST(BufferPool, an_empty_one_makes_slabs_and_keeps_their_parts) {
    BufferPool pool(8 * mib);
    const std::size_t before = tests::live_memory();
    const Buffer one = pool.take(256 * kib);
    EXPECT_GE(tests::live_memory() - before, 2 * mib);
    EXPECT_EQ(pool.idle_bytes(), 7 * 256 * kib);
}

}  // namespace
}  // namespace ottla::base
