// SPDX-License-Identifier: Apache-2.0
#include "client/producer/partitioner.hpp"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "client/producer/sticky_partition.hpp"

namespace ottla::client {
namespace {

TEST(Partitioner, murmur2_is_that_of_the_java_client) {
    const std::pair<const char*, std::int32_t> known[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (const auto& [key, hash] : known) {
        EXPECT_EQ(static_cast<std::int32_t>(murmur2(as_bytes(key))), hash) << key;
        EXPECT_EQ(partition_by_murmur2(as_bytes(key), 1000), (hash & 0x7fffffff) % 1000) << key;
    }
}

TEST(Partitioner, fnv1a_is_the_published_one_and_never_negative) {
    EXPECT_EQ(fnv1a(as_bytes("")), 0x811c9dc5U);
    EXPECT_EQ(fnv1a(as_bytes("a")), 0xe40c292cU);
    EXPECT_EQ(fnv1a(as_bytes("foobar")), 0xbf9cf968U);
    EXPECT_EQ(partition_by_fnv1a(as_bytes("a"), 1000), static_cast<std::int32_t>(0x1bf3d6d4U % 1000));
    for (int i = 0; i < 1000; ++i) {
        const auto p = partition_by_fnv1a(as_bytes(std::to_string(i)), 7);
        EXPECT_TRUE(p >= 0 && p < 7);
    }
}

TEST(Partitioner, consistent_is_the_crc_of_zip) {
    EXPECT_EQ(partition_by_crc32(as_bytes("123456789"), 1'000'000), static_cast<std::int32_t>(0xcbf43926U % 1'000'000));
    EXPECT_EQ(partition_by_crc32({}, 5), 0);
}

TEST(Partitioner, each_name_says_which_keys_it_spreads) {
    const auto spreads = [](Partitioner p) {
        const auto& row = partitioner_row(p);
        EXPECT_EQ(row.id, p);
        return std::vector<bool>{is_spread(row, BytesView()), is_spread(row, ""), is_spread(row, "k")};
    };
    using Answers = std::vector<bool>;
    EXPECT_EQ(spreads(Partitioner::consistent), (Answers{false, false, false}));
    EXPECT_EQ(spreads(Partitioner::consistent_random), (Answers{true, true, false}));
    EXPECT_EQ(spreads(Partitioner::murmur2), (Answers{false, false, false}));
    EXPECT_EQ(spreads(Partitioner::murmur2_random), (Answers{true, false, false}));
    EXPECT_EQ(spreads(Partitioner::fnv1a), (Answers{false, false, false}));
    EXPECT_EQ(spreads(Partitioner::fnv1a_random), (Answers{true, false, false}));
    EXPECT_EQ(spreads(Partitioner::random), (Answers{true, true, true}));
}

TEST(StickyPartition, stays_until_a_batch_is_full_or_time_has_passed) {
    base::Random random(1);
    const std::int32_t candidates[] = {0, 1, 2, 5};
    StickyPartition sticky(1000, 10);
    const auto first = sticky.choose(candidates, 0, 600, random);
    EXPECT_EQ(sticky.choose(candidates, 5, 600, random), first);
    const auto second = sticky.choose(candidates, 5, 1, random);
    EXPECT_NE(second, first) << "1200 bytes are more than a batch";
    EXPECT_EQ(sticky.choose(candidates, 14, 1, random), second);
    EXPECT_NE(sticky.choose(candidates, 15, 1, random), second) << "10 ms have passed";
    sticky.forget();
    std::set<std::int32_t> seen;
    for (int i = 0; i < 200; ++i) seen.insert(sticky.choose(candidates, 100 * i, 1, random));
    EXPECT_EQ(seen, (std::set<std::int32_t>{0, 1, 2, 5}));
    const std::int32_t only[] = {3};
    EXPECT_EQ(sticky.choose(only, 1'000'000, 1, random), 3);
}

}  // namespace
}  // namespace ottla::client
