// SPDX-License-Identifier: Apache-2.0
#include "base/buffer_pool.hpp"

#include <cstring>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace ottla::base {
namespace {

constexpr std::size_t kib = 1024, mib = 1024 * kib;

TEST(BufferPool, rounds_up_to_a_power_of_two) {
    BufferPool pool(mib);
    EXPECT_EQ(pool.take(0).capacity(), 4 * kib);
    EXPECT_EQ(pool.take(4 * kib + 1).capacity(), 8 * kib);
    EXPECT_EQ(pool.take(mib).capacity(), mib);
    EXPECT_GE(pool.take(65 * mib).capacity(), 65 * mib) << "more than it keeps";
}

TEST(BufferPool, what_was_given_back_comes_again) {
    BufferPool pool(mib);
    const std::uint8_t* memory = nullptr;
    {
        Buffer buffer = pool.take(10 * kib);
        buffer.resize(10 * kib);
        memory = buffer.data();
    }
    EXPECT_EQ(pool.idle_bytes(), 16 * kib);
    EXPECT_EQ(pool.take(16 * kib).data(), memory);
}

TEST(BufferPool, keeps_no_more_than_it_may) {
    BufferPool pool(mib);
    for (const std::size_t size : {64 * kib, 512 * kib}) {
        std::vector<Buffer> taken;
        for (int i = 0; i < 40; ++i) taken.push_back(pool.take(size));
        taken.clear();
        EXPECT_LE(pool.idle_bytes(), mib);
        EXPECT_GE(pool.idle_bytes(), mib / 2);
    }
}

TEST(BufferPool, large_buffers_share_no_bytes) {
    BufferPool pool(64 * mib);
    for (const std::size_t size : {256 * kib, mib, 4 * mib}) {
        std::vector<Buffer> taken;
        for (int i = 0; i < 9; ++i) {
            taken.push_back(pool.take(size));
            taken.back().resize(size);
            std::memset(taken.back().data(), i, size);
        }
        for (int i = 0; i < 9; ++i) {
            const Buffer& buffer = taken[static_cast<std::size_t>(i)];
            EXPECT_EQ(buffer.data()[0], i);
            EXPECT_EQ(buffer.data()[size - 1], i);
        }
    }
}

TEST(BufferPool, buffers_outlive_it) {
    std::optional<BufferPool> pool(mib);
    std::vector<Buffer> taken;
    for (const std::size_t size : {4 * kib, 256 * kib, mib}) taken.push_back(pool->take(size));
    pool.reset();
    for (Buffer& buffer : taken) {
        buffer.resize(buffer.capacity());
        std::memset(buffer.data(), 1, buffer.size());
    }
}

}  // namespace
}  // namespace ottla::base
