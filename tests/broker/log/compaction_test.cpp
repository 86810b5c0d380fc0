// SPDX-License-Identifier: Apache-2.0
// Compaction against a naive one, over random logs: keyed records, tombstones, transactions, all codecs, several
// rounds, small maps; half of the logs are cut at their fronts as well.
#include <iostream>

#include <gtest/gtest.h>

#include "tests/broker/log/random_log.hpp"
#include "tests/support/share.hpp"

namespace ottla::broker::log {
namespace {

TEST(Compaction, leaves_what_a_naive_one_would) {
    const std::uint64_t logs = test::share(10'000, 600, 60);
    for (std::uint64_t seed = 0; seed < logs; ++seed) {
        SCOPED_TRACE(seed);
        MemoryDisk disk;
        RandomLog log(disk, seed, seed % 2 == 1);
        ASSERT_TRUE(log.create());
        for (int i = 0; i < 60; ++i) ASSERT_TRUE(log.step()) << log.why();
        ASSERT_TRUE(log.compact()) << log.why();
        log.check();
        if (seed % 8 == 0) log.check_indexes();
        if (HasFailure()) return;
    }
    std::cout << "NOTE " << logs << " random logs were compacted as a naive compaction would\n";
}

}  // namespace
}  // namespace ottla::broker::log
