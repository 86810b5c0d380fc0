// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include <ottla/function.hpp>

namespace ottla {
namespace {

TEST(Function, holds_what_can_only_be_moved) {
    Function<int(int)> f = [n = std::make_unique<int>(40)](int x) { return *n + x; };
    Function<int(int)> g = std::move(f);
    EXPECT_FALSE(f);
    EXPECT_EQ(g(2), 42);
}

TEST(Function, large_callables_go_to_the_heap_and_are_destroyed_once) {
    auto counted = std::make_shared<int>(0);
    {
        std::array<char, 200> bulk{};
        Function<long()> f = [counted, bulk] { return counted.use_count() + bulk[0]; };
        EXPECT_EQ(counted.use_count(), 2);
        Function<long()> g = std::move(f);
        EXPECT_EQ(g(), 2);
        g = nullptr;
        EXPECT_EQ(counted.use_count(), 1);
    }
    EXPECT_EQ(counted.use_count(), 1);
}

struct Packed {
    alignas(void*) std::byte bytes[64];
};

template <class F>
std::size_t packed_size(F f) {
    Function<int()> callable = std::move(f);
    Packed to;
    const std::size_t size = callable.packed_bytes();
    const int before = callable();
    callable.pack(to.bytes);
    EXPECT_FALSE(callable);
    Function<int()> back = Function<int()>::unpack(to.bytes);
    EXPECT_EQ(back(), before);
    return size;
}

TEST(Function, is_packed_into_what_it_needs) {
    int x = 7;
    const std::array<int*, 4> four{&x, &x, &x, &x};
    const std::array<int*, 5> five{&x, &x, &x, &x, &x};
    EXPECT_EQ(packed_size([] { return 1; }), 8U);
    EXPECT_EQ(packed_size([&x] { return x; }), 16U);
    EXPECT_EQ(packed_size([p = &x, n = 3] { return *p + n; }), 24U);
    EXPECT_EQ(packed_size([n = std::make_shared<int>(5)] { return *n; }), 24U);
    EXPECT_EQ(packed_size([four] { return *four[3]; }), 40U);
    EXPECT_EQ(packed_size([five] { return *five[4]; }), 16U) << "it is on the heap";
}

TEST(Function, knows_another_of_the_same_bytes) {
    int x = 1, y = 2;
    const auto adding = [](int* p) { return Function<int()>([p] { return ++*p; }); };
    Packed packed;
    Function<int()> first = adding(&x);
    EXPECT_TRUE(first.is_plain());
    first.pack(packed.bytes);
    EXPECT_FALSE(first.is_plain());
    EXPECT_TRUE(adding(&x).is_same_as(packed.bytes));
    EXPECT_FALSE(adding(&y).is_same_as(packed.bytes));
    EXPECT_FALSE(Function<int()>([p = &x] { return *p; }).is_same_as(packed.bytes)) << "it does something else";
    EXPECT_EQ(Function<int()>::unpack(packed.bytes)(), 2);
    EXPECT_EQ(Function<int()>::unpack(packed.bytes)(), 3) << "as often as one likes";
    EXPECT_FALSE(Function<int()>([n = std::make_shared<int>(1)] { return *n; }).is_plain());
    EXPECT_FALSE(Function<int()>([x = std::int32_t{1}] { return x; }).is_plain()) << "half of its bytes are nobody's";
}

}  // namespace
}  // namespace ottla
