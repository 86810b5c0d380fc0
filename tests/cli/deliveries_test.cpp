// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/deliveries.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace ottla::tools {
namespace {

TEST(Deliveries, counts_and_keeps_the_first_failure) {
    Deliveries deliveries;
    DeliveryReport good, bad;
    bad.error = Error::of(ErrorCode::message_timed_out);
    deliveries.report(good);
    deliveries.report(bad);
    bad.error = Error::of(ErrorCode::closed);
    deliveries.report(bad);
    EXPECT_EQ(deliveries.done(), 3);
    EXPECT_EQ(deliveries.failed(), 2);
    EXPECT_EQ(deliveries.first_error(), ErrorCode::message_timed_out);
}

TEST(Deliveries, the_producing_thread_waits_for_the_loop) {
    Deliveries deliveries;
    constexpr std::int64_t count = 200'000;
    std::thread loop([&] {
        const DeliveryReport good;
        for (std::int64_t i = 0; i < count; ++i) deliveries.report(good);
    });
    for (std::int64_t wanted = 1; wanted <= count; wanted *= 3)
        while (deliveries.done() < wanted) deliveries.wait_for(wanted);
    while (deliveries.done() < count) deliveries.wait_for(count);
    loop.join();
    EXPECT_EQ(deliveries.done(), count);
}

}  // namespace
}  // namespace ottla::tools
