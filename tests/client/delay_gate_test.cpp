// SPDX-License-Identifier: Apache-2.0
// What of a retry topic may pass, and when it is looked at again.
#include "client/parallel/delay_gate.hpp"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

class Gate : public ::testing::Test {
protected:
    // Records from `first` on, written so many milliseconds before now.
    std::size_t pass(std::int64_t first, const std::vector<std::int64_t>& ages) {
        std::vector<MessageView> messages;
        for (const auto age : ages) {
            MessageView::Parts parts;
            parts.offset = first++;
            parts.timestamp_ms = clock.wall_ms() - age;
            messages.emplace_back(parts);
        }
        return gate.pass(messages, clock.now(), clock.wall_ms());
    }
    bool is_open() const { return gate.opens_at() <= clock.now(); }

    base::ManualClock clock;
    DelayGate gate{10s};
};

TEST_F(Gate, lets_pass_what_is_old_enough_up_to_the_first_that_is_not) {
    EXPECT_TRUE(is_open());
    EXPECT_EQ(pass(0, {20'000, 10'000, 8'000, 30'000}), 2U);
    EXPECT_EQ(gate.opens_at(), clock.now() + 2s);
    clock.advance(2s);
    EXPECT_TRUE(is_open());
    EXPECT_EQ(pass(2, {10'000, 32'000}), 2U);
    EXPECT_TRUE(is_open());
}

TEST_F(Gate, looks_again_no_more_often_than_each_twentieth_of_the_delay) {
    EXPECT_EQ(pass(0, {9'999, 9'998}), 0U);
    EXPECT_EQ(gate.opens_at(), clock.now() + 500ms);
    clock.advance(500ms);
    EXPECT_EQ(pass(0, {10'499, 10'498}), 2U);
}

TEST_F(Gate, a_clock_that_is_ahead_keeps_nothing_longer_than_the_delay) {
    EXPECT_EQ(pass(5, {-86'400'000}), 0U);
    EXPECT_EQ(gate.opens_at(), clock.now() + 10s);
    clock.advance(4s);
    EXPECT_EQ(pass(5, {-86'400'000}), 0U) << "looked at in between";
    EXPECT_EQ(gate.opens_at(), clock.now() + 6s);
    clock.advance(6s);
    EXPECT_EQ(pass(5, {-86'400'000, -86'400'000, -86'403'000, -86'404'000}), 2U) << "so far ahead is the clock";
    EXPECT_EQ(gate.opens_at(), clock.now() + 3s);
    clock.advance(3s);
    EXPECT_EQ(pass(7, {-86'400'000, -86'401'000}), 1U);
    EXPECT_EQ(gate.opens_at(), clock.now() + 1s);
    EXPECT_EQ(pass(9, {1'000}), 0U) << "one by a clock that is right waits as long as ever";
    EXPECT_EQ(gate.opens_at(), clock.now() + 9s);
}

TEST_F(Gate, a_wall_clock_that_is_set_back_keeps_nothing_longer_either) {
    EXPECT_EQ(pass(0, {1'000}), 0U);
    const auto written = clock.wall_ms() - 1'000;
    clock.step_wall(-3'600'000);
    clock.advance(9s);
    EXPECT_EQ(pass(0, {clock.wall_ms() - written}), 1U);
}

TEST_F(Gate, timestamps_that_mean_nothing) {
    MessageView::Parts parts;
    parts.offset = 1;
    parts.timestamp_ms = -1;
    const MessageView without(parts);
    EXPECT_EQ(gate.pass({&without, 1}, clock.now(), clock.wall_ms()), 1U) << "none";
    parts.timestamp_ms = std::numeric_limits<std::int64_t>::max();
    const MessageView last(parts);
    EXPECT_EQ(gate.pass({&last, 1}, clock.now(), clock.wall_ms()), 0U);
    EXPECT_EQ(gate.opens_at(), clock.now() + 10s);
}

TEST(GateWithoutDelay, is_open) {
    DelayGate gate(0ms);
    const base::ManualClock clock;
    MessageView::Parts parts;
    parts.offset = 0;
    parts.timestamp_ms = clock.wall_ms();
    const MessageView now(parts);
    EXPECT_EQ(gate.pass({&now, 1}, clock.now(), clock.wall_ms()), 1U);
}

}  // namespace
}  // namespace ottla::client
