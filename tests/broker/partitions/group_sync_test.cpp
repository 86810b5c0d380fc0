// SPDX-License-Identifier: Apache-2.0
#include "broker/log/group_sync.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/directory_files.hpp"
#include "tests/broker/partitions/shard_bench.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using Kind = log::MemoryDisk::Kind;

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
    EXPECT_EQ(bench.io().directory().counts().syncs.value(), 2U);
    EXPECT_EQ(bench.io().directory().counts().logs_synced.value(), 3U);
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
    EXPECT_EQ(bench.io().directory().counts().syncs.value(), 2U);
}

TEST(GroupSync, does_nothing_when_idle) {
    ShardBench bench;
    auto a = std::make_shared<Recorder>();
    bench.io().sync_soon(a);
    bench.pass(1s);
    EXPECT_EQ(bench.io().directory().counts().syncs.value(), 1U);
    EXPECT_EQ(bench.timers().waiting(), 0U);
}

// Forty partitions with a record each, a wait for each that notes how it ended, and one group of them all.
struct LargeGroup {
    explicit LargeGroup(ShardBench& bench, const std::string& topic = "orders") {
        auto first = std::make_shared<Recorder>();
        bench.io().sync_now(first);  // while it runs, the others gather
        for (std::int32_t i = 0; i < 40; ++i) {
            partitions.push_back(bench.leading(topic, i));
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
    EXPECT_EQ(bench.io().directory().counts().syncs.value(), 2U);
    EXPECT_EQ(group.committed, 0);
    bench.pass(2ms);
    EXPECT_EQ(group.committed, 40);
    for (const auto& partition : group.partitions) EXPECT_EQ(partition->high_watermark(), 1);
    EXPECT_EQ(bench.io().directory().counts().syncs.value(), 2U);
    EXPECT_EQ(bench.io().directory().counts().logs_synced.value(), 41U);
}

TEST(GroupSync, whatever_fails_of_a_large_group_it_has_failed) {
    for (std::size_t nth = 1; nth <= 40; ++nth) {
        ShardBench bench;
        LargeGroup group(bench);
        bench.disk().fail_nth(Kind::sync, nth);
        bench.pass(10ms);
        EXPECT_TRUE(bench.directory().offline()) << nth;
        EXPECT_EQ(group.committed, 0) << nth;
        EXPECT_EQ(group.failed, 40) << nth;
        for (const auto& partition : group.partitions) EXPECT_EQ(partition->high_watermark(), 0) << nth;
    }
}

TEST(GroupSync, the_next_is_synced_with_its_file_system) {
    ShardBench bench;
    LargeGroup files(bench);
    bench.pass(4ms);
    EXPECT_EQ(bench.io().directory().counts().syncs_together.value(), 0U);
    LargeGroup together(bench, "bills");
    bench.disk().set_script([](const auto& operation) {
        EXPECT_NE(operation.kind, Kind::sync) << operation.path;
        EXPECT_NE(operation.kind, Kind::sync_directory) << operation.path;
        return log::MemoryDisk::Fault::none;
    });
    bench.pass(4ms);
    EXPECT_EQ(together.committed, 40);
    EXPECT_EQ(bench.io().directory().counts().syncs_together.value(), 1U);
    base::Random random(1);
    bench.disk().crash(random);
    for (int i = 0; i < 40; ++i) {
        const auto log = bench.disk().open(fmt::format("/data/bills-{}/{}", i, log::segment_name(0)));
        ASSERT_TRUE(log) << i;
        EXPECT_EQ((*log)->size().value(), log::batch_of(1).size()) << i;
        const auto epochs = fmt::format("/data/bills-{}/leader-epoch-checkpoint", i);
        EXPECT_EQ(log::read_text(bench.disk(), epochs).value(), "0\n1\n0 0\n") << i;
    }
}

// What was written is safe all the same, and said to be; only a start after a kill has to read from further back.
TEST(GroupSync, needs_no_room_for_the_epochs_of_the_leaders) {
    for (const char* together : {"", "bills"}) {
        ShardBench bench;
        if (*together) {
            LargeGroup files(bench, together);
            bench.pass(4ms);
        }
        LargeGroup group(bench);
        bench.disk().set_script([](const auto& operation) {
            const bool is_epochs = operation.path.find("leader-epoch-checkpoint") != std::string::npos;
            return is_epochs && operation.kind == Kind::write ? log::MemoryDisk::Fault::full
                                                              : log::MemoryDisk::Fault::none;
        });
        bench.pass(10ms);
        EXPECT_EQ(bench.io().directory().counts().syncs_together.value(), *together ? 1U : 0U);
        EXPECT_FALSE(bench.directory().offline());
        EXPECT_EQ(group.committed, 40);
        for (const auto& partition : group.partitions) {
            EXPECT_EQ(partition->log().synced().offset, 1);
            EXPECT_EQ(partition->log().recovery_point(), 0);
        }
        // When there is room again, the next sync makes up for it.
        bench.disk().set_script({});
        for (const auto& partition : group.partitions) bench.io().sync_now(partition);
        bench.pass(10ms);
        for (const auto& partition : group.partitions) EXPECT_EQ(partition->log().recovery_point(), 1);
        EXPECT_TRUE(bench.disk().exists("/data/orders-39/leader-epoch-checkpoint").value());
    }
}

TEST(GroupSync, when_that_fails_all_of_it_has_failed) {
    ShardBench bench;
    LargeGroup files(bench);
    bench.pass(4ms);
    LargeGroup together(bench, "bills");
    bench.disk().fail_nth(Kind::sync_file_system, 1);
    bench.pass(10ms);
    EXPECT_TRUE(bench.directory().offline());
    EXPECT_EQ(files.committed, 40);
    EXPECT_EQ(together.committed, 0);
    EXPECT_EQ(together.failed, 40);
}

TEST(GroupSync, what_is_not_to_be_synced_is_left_alone) {
    ShardBench bench(log::FlushPolicy::os);
    for (int i = 0; i < 3; ++i) {
        LargeGroup group(bench, "topic" + std::to_string(i));
        for (const auto& partition : group.partitions) bench.io().sync_now(partition);
        bench.pass(10ms);
    }
    EXPECT_GE(bench.io().directory().counts().logs_synced.value(), 120U);
    EXPECT_EQ(bench.io().directory().counts().syncs_together.value(), 0U);
}

TEST(GroupSync, a_failed_sync_takes_the_directory_offline_for_good) {
    ShardBench bench;
    std::vector<std::string> said;
    bench.directory().on_offline([&](const Error& reason) { said.push_back(to_string(reason)); });
    auto partition = bench.leading();
    bench.disk().fail_nth(Kind::sync, 1);
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
