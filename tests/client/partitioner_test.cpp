// SPDX-License-Identifier: Apache-2.0
#include "client/producer/partitioner.hpp"

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "client/producer/load_choice.hpp"
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
        {"kafka", static_cast<std::int32_t>(0xd067cf64)},
        {"giberish123456789", static_cast<std::int32_t>(0x8f552b0c)},
        {"1234", static_cast<std::int32_t>(0x9fc97b14)},
        {"234", static_cast<std::int32_t>(0xe7c009ca)},
        {"34", static_cast<std::int32_t>(0x873930da)},
        {"4", 0x5a4b5ca1},
        {"", 0x106e08d9},
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
    EXPECT_EQ(partition_by_fnv1a(as_bytes("kafka"), 1'000'000), 0xd33c4e1 % 1'000'000);
    EXPECT_EQ(partition_by_fnv1a(as_bytes("giberish123456789"), 1'000'000), 0x77a58295 % 1'000'000);
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
    EXPECT_EQ(spreads(Partitioner::round_robin), (Answers{true, true, true}));
}

// The partitions that librdkafka's own test expects of each partitioner; -1: any.
TEST(Partitioner, keys_land_where_librdkafka_puts_them) {
    constexpr std::int32_t count = 17;
    const BytesView keys[] = {nullptr, "", "23456", "this is another string with more length to it perhaps", "hejsan"};
    constexpr std::uint32_t any = 0xffffffff;
    const std::pair<Partitioner, std::array<std::uint32_t, 5>> known[] = {
        {Partitioner::random, {any, any, any, any, any}},
        {Partitioner::round_robin, {any, any, any, any, any}},
        {Partitioner::consistent, {0, 0, 0xb1b451d7, 0xb0150df7, 0xd077037e}},
        {Partitioner::consistent_random, {any, any, 0xb1b451d7, 0xb0150df7, 0xd077037e}},
        {Partitioner::murmur2, {0x106e08d9, 0x106e08d9, 0x058d780f, 0x4f7703da, 0x5ec19395}},
        {Partitioner::murmur2_random, {any, 0x106e08d9, 0x058d780f, 0x4f7703da, 0x5ec19395}},
        {Partitioner::fnv1a, {0x7ee3623b, 0x7ee3623b, 0x27e6f469, 0x155e3e5f, 0x17b1e27a}},
        {Partitioner::fnv1a_random, {any, 0x7ee3623b, 0x27e6f469, 0x155e3e5f, 0x17b1e27a}},
    };
    for (const auto& [partitioner, hashes] : known) {
        const PartitionerRow& row = partitioner_row(partitioner);
        for (std::size_t i = 0; i < std::size(keys); ++i) {
            const auto where = std::to_string(static_cast<int>(partitioner)) + " " + std::to_string(i);
            ASSERT_EQ(is_spread(row, keys[i]), hashes[i] == any) << where;
            if (hashes[i] == any) continue;
            EXPECT_EQ(row.partition_of(keys[i].span(), count), static_cast<std::int32_t>(hashes[i] % count)) << where;
        }
    }
}

TEST(StickyPartition, stays_until_a_batch_is_full_or_time_has_passed) {
    StickyPartition sticky(1000, 10);
    EXPECT_TRUE(sticky.is_over(0, false)) << "there is none yet";
    sticky.move_to(3, 100);
    sticky.add(999);
    EXPECT_EQ(sticky.current(), 3);
    EXPECT_FALSE(sticky.is_over(109, false));
    EXPECT_TRUE(sticky.is_over(110, false)) << "10 ms have passed";
    EXPECT_TRUE(sticky.is_over(110, true));
    EXPECT_TRUE(sticky.is_over(99, false)) << "the clock was set back";
    sticky.add(1);
    EXPECT_TRUE(sticky.is_over(100, false)) << "a batch's worth";
    EXPECT_FALSE(sticky.is_over(100, true)) << "its batch may be filled";
    sticky.add(1000);
    EXPECT_TRUE(sticky.is_over(100, true)) << "but not for ever";
    sticky.move_to(1, 100);
    EXPECT_FALSE(sticky.is_over(100, false));
    sticky.forget();
    EXPECT_TRUE(sticky.is_over(100, false));
}

// The queues, and how often each is chosen, of the test of Java's BuiltInPartitioner.
TEST(LoadChoice, weighs_as_the_java_client) {
    const std::int32_t candidates[] = {0, 1, 2, 3, 4};
    const std::size_t queued[] = {5, 0, 3, 0, 1};
    const auto queued_at = [&](std::int32_t p) { return queued[p]; };
    const LoadChoice choice(candidates, queued_at);
    ASSERT_EQ(choice.weight_of_all(), 21U);
    std::vector<int> times(5);
    for (std::size_t draw = 0; draw < choice.weight_of_all(); ++draw)
        ++times[static_cast<std::size_t>(choice.at(draw))];
    EXPECT_EQ(times, (std::vector{1, 6, 3, 6, 5}));
}

TEST(LoadChoice, leaves_out_what_is_to_be_avoided) {
    base::Random random(1);
    const std::int32_t candidates[] = {0, 2, 7};
    std::map<std::int32_t, std::size_t> queued{{0, 0}, {2, SIZE_MAX}, {7, 0}};
    const auto queued_at = [&](std::int32_t p) { return queued[p]; };
    const auto seen = [&] {
        const LoadChoice choice(candidates, queued_at);
        std::set<std::int32_t> all;
        for (int i = 0; i < 200; ++i) all.insert(choice.draw(random));
        return all;
    };
    EXPECT_EQ(seen(), (std::set<std::int32_t>{0, 7}));
    queued = {{0, SIZE_MAX}, {2, SIZE_MAX}, {7, SIZE_MAX}};
    EXPECT_EQ(seen(), (std::set<std::int32_t>{0, 2, 7})) << "where there is no other";
}

}  // namespace
}  // namespace ottla::client
