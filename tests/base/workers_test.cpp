// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>

#include "base/log.hpp"
#include "base/workers.hpp"

namespace ottla::base {
namespace {

TEST(Workers, runs_every_job_before_it_goes) {
    std::atomic<int> done{0};
    {
        const auto workers = make_thread_workers(2, "test");
        for (int i = 0; i < 100; ++i) workers->run([&] { ++done; });
    }
    EXPECT_EQ(done, 100);
}

TEST(Log, belongs_to_its_instance_and_keeps_to_its_level) {
    std::string lines;
    const Log log("broker", LogLevel::info, [&](LogLevel, std::string_view name, std::string_view text) {
        lines += std::string(name) + " " + std::string(text) + "\n";
    });
    log.debug("not this {}", 1);
    log.named("broker.log").warn("but this {}", 2);
    Log().error("nobody hears {}", 3);
    EXPECT_EQ(lines, "broker.log but this 2\n");
}

}  // namespace
}  // namespace ottla::base
