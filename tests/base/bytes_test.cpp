// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <ottla/bytes.hpp>

#include "base/buffer_pool.hpp"

namespace ottla {
namespace {

TEST(Bytes, slices_share_their_memory_and_outlive_the_whole) {
    Bytes part;
    const std::uint8_t* at = nullptr;
    {
        const Bytes whole = Bytes::copy_of("hello, world");
        part = whole.slice(7, 5);
        at = whole.data() + 7;
    }
    EXPECT_EQ(part.text(), "world");
    EXPECT_EQ(part.data(), at);
}

TEST(Bytes, takes_a_string_over_without_copying_it) {
    std::string text(100, 'x');
    const char* at = text.data();
    const Bytes bytes = Bytes::from(std::move(text));
    EXPECT_EQ(bytes.text().data(), at);
    EXPECT_EQ(bytes.size(), 100U);
}

TEST(Bytes, compares_by_content) {
    EXPECT_EQ(Bytes::copy_of("a"), Bytes::from("a"));
    EXPECT_NE(Bytes::copy_of("a"), Bytes::copy_of("b"));
    EXPECT_EQ(Bytes{}, Bytes::of_static(""));
}

TEST(Buffer, grows_and_freezes) {
    Buffer buffer;
    for (int i = 0; i < 1000; ++i) buffer.append(std::string_view("0123456789"));
    EXPECT_EQ(buffer.size(), 10'000U);
    const Bytes bytes = std::move(buffer).freeze();
    EXPECT_EQ(bytes.size(), 10'000U);
    EXPECT_EQ(bytes.text().substr(9'990), "0123456789");
}

TEST(Buffer, shares_a_part_and_goes_on_growing) {
    Buffer buffer(16);
    buffer.append(std::string_view("first"));
    {
        const Bytes part = buffer.share(0, 5);
        EXPECT_TRUE(buffer.is_shared());
        for (int i = 0; i < 100; ++i) buffer.append(std::string_view("second"));
        EXPECT_EQ(part.text(), "first");
        EXPECT_FALSE(buffer.is_shared());  // it grew into memory of its own
    }
    EXPECT_EQ(as_text(buffer.span()).substr(0, 11), "firstsecond");
}

TEST(BufferPool, gives_the_same_memory_again) {
    base::BufferPool pool(1 << 20);
    const std::uint8_t* first = nullptr;
    {
        Buffer buffer = pool.take(5'000);
        EXPECT_EQ(buffer.capacity(), 8'192U);
        first = buffer.data();
        const Bytes bytes = std::move(buffer).freeze();
        EXPECT_EQ(pool.idle_bytes(), 0U);
    }
    EXPECT_EQ(pool.idle_bytes(), 8'192U);
    EXPECT_EQ(pool.take(8'000).data(), first);
}

TEST(BufferPool, keeps_no_more_than_its_limit_and_may_go_first) {
    Bytes survivor;
    {
        base::BufferPool pool(10'000);
        { Buffer a = pool.take(8'192), b = pool.take(8'192); }
        EXPECT_LE(pool.idle_bytes(), 10'000U);
        Buffer buffer = pool.take(4'096);
        buffer.append(std::string_view("still here"));
        survivor = std::move(buffer).freeze();
    }
    EXPECT_EQ(survivor.text(), "still here");
}

}  // namespace
}  // namespace ottla
