// SPDX-License-Identifier: Apache-2.0
// What the parallel consumer remembers of its records, in bytes: of those that are not done, and of a million that are,
// behind one that is not. A program of its own: it counts every operator new.
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <ottla/message.hpp>

#include "client/parallel/work_tracker.hpp"
#include "tests/support/counted_memory.hpp"

namespace ottla::client {
namespace {

constexpr std::size_t buffered_records = 10'000;

WorkLimits limits() { return {.calls_max = 1'000'000, .records_max = buffered_records, .bytes_max = 1U << 30}; }

enum class Chains : std::uint8_t { none, keys };

WorkTracker::Chain chain_of(Chains chains, WorkTracker::Partition p, std::int64_t offset) {
    if (chains == Chains::none) return WorkTracker::none;
    return WorkTracker::chain_of(p, "key " + std::to_string(offset));
}

// One record is taken and never done; all others are, and each has a key of its own.
void a_million_behind_one(Chains chains) {
    WorkTracker tracker(limits());
    const auto p = tracker.begin(PartitionProgress(OffsetMap(0)));
    std::int64_t offset = 0;
    std::vector<Ticket> stuck(1);
    std::vector<Ticket> call(100);
    tracker.add(p, chain_of(chains, p, offset++), 0, 100);
    ASSERT_EQ(tracker.take(stuck), 1U);
    const auto fill = [&] {
        for (; tracker.wants_more(); ++offset) ASSERT_TRUE(tracker.add(p, chain_of(chains, p, offset), offset, 100));
    };
    fill();
    ASSERT_EQ(tracker.records(), buffered_records);
    const auto full = tests::live_memory();
    tests::reset_peak_memory();
    while (offset < 1'000'000) {
        fill();
        while (const auto count = tracker.take(call)) tracker.finish(std::span(call).first(count));
        ASSERT_EQ(tracker.records(), 1U);
    }
    const auto peak = tests::peak_memory();
    const auto live = tests::live_memory();
    EXPECT_EQ(live, full) << "bytes, as many as with the first " << buffered_records;
    // The table of keys is cleaned up now and then, into another of its size.
    EXPECT_LE(peak, full + full / 4);
    EXPECT_EQ(tracker.progress(p).watermark(), 0);
    EXPECT_EQ(tracker.progress(p).taken(), static_cast<std::uint64_t>(offset));
    EXPECT_EQ(tracker.progress(p).beyond().encode(100).value().size(), 12U) << "and in the commit";
}

TEST(ParallelMemory, a_million_done_behind_one_that_is_not) { a_million_behind_one(Chains::none); }

TEST(ParallelMemory, a_million_keys_done_behind_one_that_is_not) { a_million_behind_one(Chains::keys); }

// Bytes for each of so many that are not done: a power of two, as tables grow.
double bytes_of_each(Chains chains) {
    constexpr std::int64_t count = 1 << 17;
    const auto before = tests::live_memory();
    WorkTracker tracker(limits());
    const auto p = tracker.begin(PartitionProgress(OffsetMap(0)));
    for (std::int64_t offset = 0; offset < count; ++offset) tracker.add(p, chain_of(chains, p, offset), offset, 100);
    return static_cast<double>(tests::live_memory() - before) / count;
}

// docs/parallel-consumer.md gives these numbers.
TEST(ParallelMemory, of_each_record_that_is_not_done) {
    const auto plain = bytes_of_each(Chains::none);
    const auto by_key = bytes_of_each(Chains::keys);
    std::printf("a record that is not done: %.1f bytes, with a key of its own %.1f, its message %zu\n", plain, by_key,
                sizeof(ottla::Message));
    EXPECT_NEAR(plain, 24 + 40, 0.5);
    EXPECT_NEAR(by_key, 24 + 40 + 32, 0.5);
    EXPECT_EQ(sizeof(ottla::Message), 88U);
}

}  // namespace
}  // namespace ottla::client
