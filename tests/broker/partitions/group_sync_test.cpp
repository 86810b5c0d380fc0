// SPDX-License-Identifier: Apache-2.0
#include "broker/log/group_sync.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/partitions/shard_bench.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct Recorder final : log::Syncable {
    log::SyncWork begin_sync() override {
        ++begun;
        return {};
    }
    void end_sync(const log::SyncWork&, const Result<void>& done) override { ends.push_back(done.has_value()); }

    int begun = 0;
    std::vector<bool> ends;
};

TEST(GroupSync, gathers_while_one_group_runs) {
    ShardBench bench;
    auto a = std::make_shared<Recorder>();
    auto b = std::make_shared<Recorder>();
    auto c = std::make_shared<Recorder>();
    bench.io().sync_now(a);
    EXPECT_EQ(a->begun, 1);
    bench.io().sync_now(b);
    bench.io().sync_now(c);
    bench.io().sync_now(b);
    EXPECT_EQ(b->begun, 0);
    bench.pass(2ms);
    EXPECT_THAT(a->ends, ElementsAre(true));
    EXPECT_EQ(b->begun, 1);
    EXPECT_EQ(c->begun, 1);
    bench.pass(2ms);
    EXPECT_THAT(b->ends, ElementsAre(true));
    EXPECT_EQ(bench.io().counts().groups, 2U);
    EXPECT_EQ(bench.io().counts().logs, 3U);
}

TEST(GroupSync, soon_is_within_ten_milliseconds_or_with_the_next_group) {
    ShardBench bench;
    auto a = std::make_shared<Recorder>();
    auto b = std::make_shared<Recorder>();
    bench.io().sync_soon(a);
    bench.pass(9ms);
    EXPECT_EQ(a->begun, 0);
    bench.pass(1ms);
    EXPECT_EQ(a->begun, 1);
    bench.pass(10ms);

    bench.io().sync_soon(a);
    bench.io().sync_now(b);
    EXPECT_EQ(a->begun, 2);
    bench.pass(20ms);
    EXPECT_EQ(bench.io().counts().groups, 2U);
}

TEST(GroupSync, does_nothing_when_idle) {
    ShardBench bench;
    auto a = std::make_shared<Recorder>();
    bench.io().sync_soon(a);
    bench.pass(1s);
    EXPECT_EQ(bench.io().counts().groups, 1U);
    EXPECT_EQ(bench.timers().waiting(), 0U);
}

// Forty partitions with a record each, a wait for each that notes how it ended, and one group of them all.
struct LargeGroup {
    explicit LargeGroup(ShardBench& bench) {
        auto first = std::make_shared<Recorder>();
        bench.io().sync_now(first);  // while it runs, the others gather
        for (std::int32_t i = 0; i < 40; ++i) {
            partitions.push_back(bench.leading("orders", i));
            const auto appended = partitions.back()->append(log::batch_of(1).span(), log::Origin::client, 0, 0);
            EXPECT_TRUE(appended);
            partitions.back()->wait_committed(1, [this](const Result<void>& done) { ++(done ? committed : failed); });
        }
    }

    std::vector<std::shared_ptr<Partition>> partitions;
    int committed = 0;
    int failed = 0;
};

TEST(GroupSync, a_large_group_is_synced_side_by_side) {
    ShardBench bench;
    LargeGroup group(bench);
    bench.pass(2ms);
    EXPECT_EQ(bench.io().counts().groups, 2U);
    EXPECT_EQ(group.committed, 0);
    bench.pass(2ms);
    EXPECT_EQ(group.committed, 40);
    for (const auto& partition : group.partitions) EXPECT_EQ(partition->high_watermark(), 1);
    EXPECT_EQ(bench.io().counts().groups, 2U);
    EXPECT_EQ(bench.io().counts().logs, 41U);
}

TEST(GroupSync, whatever_fails_of_a_large_group_it_has_failed) {
    for (std::size_t nth = 1; nth <= 40; ++nth) {
        ShardBench bench;
        LargeGroup group(bench);
        bench.disk().fail_nth(log::MemoryDisk::Kind::sync, nth);
        bench.pass(10ms);
        EXPECT_TRUE(bench.directory().offline()) << nth;
        EXPECT_EQ(group.committed, 0) << nth;
        EXPECT_EQ(group.failed, 40) << nth;
        for (const auto& partition : group.partitions) EXPECT_EQ(partition->high_watermark(), 0) << nth;
    }
}

TEST(GroupSync, a_failed_sync_takes_the_directory_offline_for_good) {
    ShardBench bench;
    std::vector<std::string> said;
    bench.directory().on_offline([&](const Error& reason) { said.push_back(to_string(reason)); });
    auto partition = bench.leading();
    bench.disk().fail_nth(log::MemoryDisk::Kind::sync, 1);
    auto a = std::make_shared<Recorder>();
    ASSERT_TRUE(partition->append(log::batch_of(1).span(), log::Origin::client, 0, 0));
    bench.io().sync_now(partition);
    bench.io().sync_now(a);
    bench.pass(10ms);
    EXPECT_TRUE(bench.directory().offline());
    EXPECT_EQ(said.size(), 1U);
    EXPECT_THAT(a->ends, ElementsAre(false));
    bench.io().sync_now(a);
    bench.pass(10ms);
    EXPECT_THAT(a->ends, ElementsAre(false, false));
}

}  // namespace
}  // namespace ottla::broker
