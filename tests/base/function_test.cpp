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

}  // namespace
}  // namespace ottla
