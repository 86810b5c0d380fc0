// SPDX-License-Identifier: Apache-2.0
#include "broker/server/main.hpp"

#include <gtest/gtest.h>

namespace ottla::broker {
namespace {

TEST(Main, a_signal_that_came_before_it_could_listen_ends_it) {
    const std::atomic<bool> stop{true};
    for (const int brokers : {1, 3}) {
        DevOptions options;
        options.port = 0;
        options.brokers = brokers;
        options.quiet = true;
        options.stop = &stop;
        testing::internal::CaptureStdout();
        EXPECT_EQ(run_dev(options), 0);
        EXPECT_EQ(testing::internal::GetCapturedStdout(), "");  // it was never ready
    }
}

TEST(Main, brokers_of_one_process_take_no_number_of_threads) {
    DevOptions options;
    options.port = 0;
    options.brokers = 2;
    options.quiet = true;
    options.overrides = {"num.network.threads=4"};
    testing::internal::CaptureStderr();
    EXPECT_EQ(run_dev(options), 2);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("num.network.threads"), std::string::npos);
    options.overrides = {"num.network.threads=4", "no.such.key=1"};
    testing::internal::CaptureStderr();
    EXPECT_EQ(run_dev(options), 2);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("no.such.key"), std::string::npos);
}

}  // namespace
}  // namespace ottla::broker
