// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "base/random.hpp"

namespace ottla::base {
namespace {

TEST(Random, repeats_itself_for_the_same_seed) {
    Random a(7), b(7), c(8);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
    EXPECT_NE(a.next(), c.next());
}

TEST(Random, stays_within_its_bounds) {
    Random random(1);
    for (int i = 0; i < 10'000; ++i) {
        EXPECT_LT(random.below(3), 3U);
        const auto n = random.between(-2, 2);
        EXPECT_TRUE(n >= -2 && n <= 2);
        EXPECT_LT(random.unit(), 1.0);
        EXPECT_NE(to_string(random.uuid())[0], '-');
    }
}

TEST(ManualClock, moves_only_when_told_and_steps_the_wall_clock_alone) {
    ManualClock clock(1000);
    clock.advance(std::chrono::milliseconds(5));
    const auto before = clock.now();
    EXPECT_EQ(clock.wall_ms(), 1005);
    clock.step_wall(-3'600'000);
    EXPECT_EQ(clock.now(), before);
    EXPECT_EQ(clock.wall_ms(), 1005 - 3'600'000);
}

}  // namespace
}  // namespace ottla::base
