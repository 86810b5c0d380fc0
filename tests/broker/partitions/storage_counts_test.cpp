// SPDX-License-Identifier: Apache-2.0
// What is done to a partition's log is counted in its directory, each thing where it belongs and once.
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "tests/broker/log/batches.hpp"
#include "tests/broker/partitions/shard_bench.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using log::batch_of;

// Those that are not 0.
std::map<std::string, std::uint64_t> counted(log::LogDirectory& directory) {
    std::map<std::string, std::uint64_t> all;
    directory.counts().visit([&](std::string_view name, std::uint64_t value) {
        EXPECT_TRUE(all.emplace(name, value).second) << name << " is there twice";
    });
    std::erase_if(all, [](const auto& one) { return one.second == 0; });
    return all;
}

using Counted = std::map<std::string, std::uint64_t>;

TEST(StorageCounts, tell_what_was_appended_synced_and_deleted) {
    ShardBench bench;
    PartitionSettings settings;
    const std::uint64_t bytes = batch_of(4, 100).size();
    settings.log.segment_bytes = 2 * bytes;
    auto partition = bench.leading("orders", 0, settings);
    EXPECT_EQ(counted(bench.directory()), Counted());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(partition->append(batch_of(4, 100).span(), log::Origin::client, 0, 1000));
    bench.pass(20ms);
    auto now = counted(bench.directory());
    EXPECT_GE(now["sync_micros"], 2000U);
    now.erase("sync_micros");
    Counted expected{{"appends", 5},           {"bytes_appended", 5 * bytes}, {"logs_synced", 1},
                     {"records_appended", 20}, {"segments_begun", 2},         {"syncs", 1}};
    EXPECT_EQ(now, expected);
    ASSERT_TRUE(partition->delete_records(9));
    ASSERT_TRUE(partition->retire_segments(9, 10));
    ASSERT_TRUE(bench.directory().write_checkpoint(log::Checkpoint::start_offsets, {{{"orders", 0}, 9}}));
    now = counted(bench.directory());
    EXPECT_EQ(now["record_deletions"], 1U);
    EXPECT_EQ(now["segments_retired"], 1U);
    EXPECT_EQ(now["bytes_retired"], 2 * bytes);
    EXPECT_EQ(now["checkpoints_written"], 1U);
}

TEST(StorageCounts, tell_of_a_disk_that_is_full_or_fails) {
    ShardBench bench;
    auto partition = bench.leading();
    bench.disk().set_capacity(10);
    EXPECT_FALSE(partition->append(batch_of(3).span(), log::Origin::client, 0, 1000));
    EXPECT_EQ(counted(bench.directory()), (Counted{{"appends_without_room", 1}}));
    bench.disk().set_capacity(1 << 20);
    bench.disk().fail_nth(log::MemoryDisk::Kind::write, 1);
    EXPECT_FALSE(partition->append(batch_of(3).span(), log::Origin::client, 0, 1000));
    EXPECT_EQ(counted(bench.directory()), (Counted{{"appends_without_room", 1}, {"times_offline", 1}}));
}

TEST(StorageCounts, tell_what_a_start_after_a_kill_had_to_do) {
    ShardBench bench;
    const std::uint64_t bytes = batch_of(4, 100).size();
    {
        log::LogConfig config;
        config.segment_bytes = 2 * bytes;
        auto made = bench.directory().create_log({"orders", 0}, Uuid{}, config).value();
        for (int i = 0; i < 5; ++i) ASSERT_TRUE(made->append(batch_of(4, 100).span(), {}));
        ASSERT_TRUE(made->sync());
        // The kill came in the middle of the last batch.
        auto file = bench.disk().open("/data/orders-0/" + log::segment_name(16)).value();
        ASSERT_TRUE(file->truncate(bytes - 7));
    }
    ASSERT_TRUE(bench.directory().open_log({"orders", 0}, {}));
    const Counted expected{
        {"bytes_checked", 4 * bytes}, {"bytes_cut", bytes - 7}, {"logs_opened", 1}, {"segments_indexed_anew", 3}};
    EXPECT_EQ(counted(bench.directory()), expected);
}

}  // namespace
}  // namespace ottla::broker
