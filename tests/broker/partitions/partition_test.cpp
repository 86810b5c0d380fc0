// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/partition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ottla/protocol/control_record.hpp>

#include "tests/broker/partitions/shard_bench.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using log::batch_of;
using log::FlushPolicy;
using log::Origin;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = log::MemoryDisk::Kind;

Result<log::Appended> append(Partition& partition, const Bytes& batch) {
    return partition.append(batch.span(), Origin::client, partition.leader_epoch(), 5000);
}

std::size_t readable(const Partition& partition, std::int64_t offset, ReadUpTo up_to = ReadUpTo::high_watermark) {
    return partition.plan_read(offset, 1U << 20, up_to, true).value().run().value().range.length;
}

struct Outcome {
    Function<void(const Result<void>&)> callback() {
        return [this](const Result<void>& done) { codes.push_back(done ? ErrorCode::none : done.error().code()); };
    }
    std::vector<ErrorCode> codes;
};

TEST(Partition, shows_consumers_what_is_on_disk) {
    ShardBench bench;
    auto partition = bench.leading();
    const Bytes batch = batch_of(3);
    ASSERT_TRUE(append(*partition, batch));
    EXPECT_EQ(partition->log_end_offset(), 3);
    EXPECT_EQ(partition->high_watermark(), 0);
    EXPECT_EQ(readable(*partition, 0), 0U);
    EXPECT_EQ(readable(*partition, 0, ReadUpTo::log_end), batch.size());
    bench.pass(12ms);  // nobody asked: within 10 ms, and 2 for the disk
    EXPECT_EQ(partition->high_watermark(), 3);
    EXPECT_EQ(readable(*partition, 0), batch.size());
    EXPECT_EQ(readable(*partition, 3), 0U);
}

TEST(Partition, hides_open_transactions_from_readers_of_committed_records) {
    ShardBench bench;
    auto partition = bench.leading();
    const auto transactional = [](std::int64_t producer) {
        protocol::BatchStamp stamp;
        stamp.producer_id = producer;
        stamp.producer_epoch = 0;
        stamp.base_sequence = 0;
        stamp.transactional = true;
        return batch_of(1, 10, 1000, stamp);
    };
    const auto end = [&](std::int64_t producer) {
        const auto marker = protocol::build_marker_batch(0, 0, 1000, producer, 0, {true, 1});
        const Bytes bytes = Bytes::copy_of(marker.span());
        ASSERT_TRUE(partition->append(bytes.span(), Origin::coordinator, partition->leader_epoch(), 5000));
    };
    std::vector<std::string> woken;
    ASSERT_TRUE(append(*partition, batch_of(3)));
    ASSERT_TRUE(append(*partition, transactional(1)));
    ASSERT_TRUE(append(*partition, transactional(2)));
    partition->wait_readable(3, ReadUpTo::last_stable, [&] { woken.push_back("first"); });
    bench.pass(12ms);
    EXPECT_EQ(partition->high_watermark(), 5);
    EXPECT_EQ(partition->last_stable_offset(), 3);
    EXPECT_EQ(readable(*partition, 0, ReadUpTo::last_stable), batch_of(3).size());
    EXPECT_EQ(readable(*partition, 3, ReadUpTo::last_stable), 0U);
    end(1);
    // The marker is there, but not committed.
    EXPECT_EQ(partition->last_stable_offset(), 3);
    EXPECT_THAT(woken, IsEmpty());
    bench.pass(12ms);
    EXPECT_EQ(partition->last_stable_offset(), 4);
    EXPECT_THAT(woken, ElementsAre("first"));
    EXPECT_EQ(readable(*partition, 3, ReadUpTo::last_stable), transactional(1).size());
    end(2);
    bench.pass(12ms);
    EXPECT_EQ(partition->high_watermark(), 7);
    EXPECT_EQ(partition->last_stable_offset(), 7);
}

TEST(Partition, a_commit_comes_with_the_sync) {
    ShardBench bench;
    auto partition = bench.leading();
    Outcome first, second;
    partition->wait_committed(append(*partition, batch_of(2)).value().end.offset, first.callback());
    bench.pass(1ms);
    partition->wait_committed(append(*partition, batch_of(2)).value().end.offset, second.callback());
    EXPECT_THAT(first.codes, IsEmpty());
    bench.pass(1ms);
    EXPECT_THAT(first.codes, ElementsAre(ErrorCode::none));
    EXPECT_EQ(partition->high_watermark(), 2);
    EXPECT_THAT(second.codes, IsEmpty());
    bench.pass(2ms);
    EXPECT_THAT(second.codes, ElementsAre(ErrorCode::none));
    Outcome at_once;
    partition->wait_committed(4, at_once.callback());
    EXPECT_THAT(at_once.codes, ElementsAre(ErrorCode::none));
    EXPECT_EQ(partition->waiters(), 0U);
}

TEST(Partition, under_policy_os_nothing_waits_for_the_disk) {
    ShardBench bench(FlushPolicy::os);
    auto partition = bench.leading();
    Outcome outcome;
    partition->wait_committed(append(*partition, batch_of(2)).value().end.offset, outcome.callback());
    EXPECT_THAT(outcome.codes, ElementsAre(ErrorCode::none));
    EXPECT_EQ(partition->high_watermark(), 2);
    bench.pass(1s);
    EXPECT_EQ(bench.io().directory().counts().syncs.value(), 0U);
}

TEST(Partition, under_policy_os_what_a_start_found_is_synced_with_the_next_look) {
    ShardBench bench(FlushPolicy::os);
    auto partition = bench.leading();
    ASSERT_TRUE(append(*partition, batch_of(2)));
    partition->found_unsynced();
    bench.pass(1s);
    EXPECT_EQ(partition->log().synced().offset, 0);
    partition->flush_if_due(1);
    bench.pass(1s);
    EXPECT_EQ(partition->log().synced().offset, 2);
    partition->flush_if_due(2);
    bench.pass(1s);
    EXPECT_EQ(bench.directory().counts().syncs.value(), 1U);
}

TEST(Partition, under_policy_os_a_sync_comes_after_so_many_records_or_so_long) {
    ShardBench bench(FlushPolicy::os);
    PartitionSettings settings;
    settings.flush_messages = 5;
    settings.flush_ms = 1000;
    auto partition = bench.leading("orders", 0, settings);
    ASSERT_TRUE(partition->append(batch_of(4).span(), log::Origin::client, 0, 10'000));
    bench.pass(1s);
    EXPECT_EQ(partition->log().synced().offset, 0);
    ASSERT_TRUE(partition->append(batch_of(1).span(), log::Origin::client, 0, 10'500));
    bench.pass(1s);
    EXPECT_EQ(partition->log().synced().offset, 5);
    partition->flush_if_due(100'000);
    bench.pass(1s);
    EXPECT_EQ(bench.io().directory().counts().syncs.value(), 1U);  // nothing new
    ASSERT_TRUE(partition->append(batch_of(1).span(), log::Origin::client, 0, 20'000));
    partition->flush_if_due(20'999);
    bench.pass(1s);
    EXPECT_EQ(partition->log().synced().offset, 5);
    partition->flush_if_due(21'000);
    bench.pass(1s);
    EXPECT_EQ(partition->log().synced().offset, 6);
}

TEST(Partition, under_policy_os_the_record_that_makes_them_many_waits_for_the_sync) {
    ShardBench bench(FlushPolicy::os);
    PartitionSettings settings;
    settings.flush_messages = 2;
    auto partition = bench.leading("orders", 0, settings);
    Outcome first, second, third;
    partition->wait_committed(append(*partition, batch_of(1)).value().end.offset, first.callback());
    EXPECT_THAT(first.codes, ElementsAre(ErrorCode::none));
    EXPECT_EQ(partition->high_watermark(), 1);
    partition->wait_committed(append(*partition, batch_of(1)).value().end.offset, second.callback());
    partition->wait_committed(append(*partition, batch_of(1)).value().end.offset, third.callback());
    EXPECT_THAT(second.codes, IsEmpty());
    EXPECT_EQ(partition->high_watermark(), 1);
    bench.pass(1s);
    EXPECT_THAT(second.codes, ElementsAre(ErrorCode::none));
    EXPECT_THAT(third.codes, ElementsAre(ErrorCode::none));
    EXPECT_EQ(partition->log().synced().offset, partition->high_watermark());
}

TEST(Partition, one_sync_serves_many_partitions) {
    ShardBench bench;
    std::vector<std::shared_ptr<Partition>> partitions;
    Outcome outcome;
    for (int i = 0; i < 10; ++i) {
        partitions.push_back(bench.leading("orders", i));
        for (int n = 0; n < 3; ++n) {
            const auto appended = append(*partitions.back(), batch_of(1)).value();
            partitions.back()->wait_committed(appended.end.offset, outcome.callback());
        }
    }
    bench.pass(4ms);
    EXPECT_EQ(outcome.codes.size(), 30U);
    EXPECT_EQ(bench.io().directory().counts().syncs.value(), 2U);
}

TEST(Partition, wakes_who_waits_for_records) {
    ShardBench bench;
    auto partition = bench.leading();
    std::vector<std::string> woken;
    partition->wait_readable(0, ReadUpTo::log_end, [&] { woken.push_back("end"); });
    partition->wait_readable(0, ReadUpTo::high_watermark, [&] { woken.push_back("consumer"); });
    partition->wait_readable(2, ReadUpTo::high_watermark, [&] { woken.push_back("later"); });
    const auto cancelled = partition->wait_readable(0, ReadUpTo::high_watermark, [&] { woken.push_back("gone"); });
    partition->cancel(cancelled);
    ASSERT_TRUE(append(*partition, batch_of(2)));
    bench.pass(20ms);
    EXPECT_THAT(woken, ElementsAre("end", "consumer"));
    partition->wait_readable(1, ReadUpTo::high_watermark, [&] { woken.push_back("at once"); });
    EXPECT_THAT(woken, ElementsAre("end", "consumer", "at once"));
    ASSERT_TRUE(append(*partition, batch_of(1)));
    bench.pass(20ms);
    EXPECT_EQ(woken.back(), "later");
    EXPECT_EQ(partition->waiters(), 0U);
}

TEST(Partition, only_a_leader_of_the_right_epoch_writes) {
    ShardBench bench;
    auto partition = bench.partition();
    const auto attempt = [&](std::int32_t epoch) {
        const auto appended = partition->append(batch_of(1).span(), Origin::client, epoch, 0);
        return appended ? ErrorCode::none : appended.error().code();
    };
    EXPECT_EQ(attempt(-1), ErrorCode::not_leader_or_follower);
    partition->follow(1);
    EXPECT_EQ(attempt(1), ErrorCode::not_leader_or_follower);
    partition->lead(2);
    EXPECT_EQ(attempt(2), ErrorCode::none);
    EXPECT_EQ(attempt(1), ErrorCode::fenced_leader_epoch);
    EXPECT_EQ(attempt(3), ErrorCode::unknown_leader_epoch);
    EXPECT_EQ(partition->check_leader(-1).has_value(), true);
    partition->lead(1);  // late news
    EXPECT_EQ(partition->leader_epoch(), 2);
    EXPECT_THAT(partition->epochs().entries(), ElementsAre(log::EpochEntry{2, 0}));
}

TEST(Partition, a_change_of_leader_ends_the_waits) {
    ShardBench bench;
    auto partition = bench.leading();
    Outcome outcome;
    int woken = 0;
    partition->wait_committed(append(*partition, batch_of(2)).value().end.offset, outcome.callback());
    partition->wait_readable(5, ReadUpTo::high_watermark, [&] { ++woken; });
    partition->follow(1);
    EXPECT_THAT(outcome.codes, ElementsAre(ErrorCode::not_leader_or_follower));
    EXPECT_EQ(woken, 1);
    EXPECT_EQ(partition->waiters(), 0U);
    bench.pass(10ms);
}

TEST(Partition, a_closed_one_says_why) {
    ShardBench bench;
    auto partition = bench.leading();
    Outcome outcome;
    partition->wait_committed(append(*partition, batch_of(2)).value().end.offset, outcome.callback());
    partition->close(Error::of(ErrorCode::unknown_topic_or_partition));
    EXPECT_EQ(append(*partition, batch_of(1)).error(), ErrorCode::unknown_topic_or_partition);
    partition->wait_committed(9, outcome.callback());
    EXPECT_THAT(outcome.codes,
                ElementsAre(ErrorCode::unknown_topic_or_partition, ErrorCode::unknown_topic_or_partition));
    bench.pass(10ms);  // the sync that was on its way ends in peace
}

TEST(Partition, a_failed_sync_is_an_error_for_all) {
    ShardBench bench;
    auto partition = bench.leading();
    auto other = bench.leading("orders", 1);
    bench.disk().fail_nth(Kind::sync, 2);
    Outcome outcome;
    partition->wait_committed(append(*partition, batch_of(2)).value().end.offset, outcome.callback());
    other->wait_committed(append(*other, batch_of(2)).value().end.offset, outcome.callback());
    bench.pass(10ms);
    EXPECT_THAT(outcome.codes, ElementsAre(ErrorCode::kafka_storage_error, ErrorCode::kafka_storage_error));
    EXPECT_EQ(partition->high_watermark(), 0);
    EXPECT_EQ(append(*other, batch_of(1)).error(), ErrorCode::kafka_storage_error);
    EXPECT_EQ(other->plan_read(0, 100, ReadUpTo::high_watermark, true).error(), ErrorCode::kafka_storage_error);
}

TEST(Partition, a_failed_write_takes_the_directory_offline) {
    ShardBench bench;
    auto partition = bench.leading();
    bench.disk().fail_nth(Kind::write, 1, log::MemoryDisk::Fault::torn);
    EXPECT_EQ(append(*partition, batch_of(1)).error(), ErrorCode::kafka_storage_error);
    EXPECT_TRUE(bench.directory().offline());
}

TEST(Partition, a_full_disk_refuses_and_recovers) {
    ShardBench bench;
    auto partition = bench.leading();
    ASSERT_TRUE(append(*partition, batch_of(1)));
    bench.pass(20ms);
    bench.disk().fail_nth(Kind::write, 1, log::MemoryDisk::Fault::torn_full);
    EXPECT_EQ(append(*partition, batch_of(1)).error(), ErrorCode::kafka_storage_error);
    EXPECT_FALSE(bench.directory().offline());
    EXPECT_EQ(append(*partition, batch_of(1)).value().first_offset, 1);
    bench.pass(20ms);
    EXPECT_EQ(partition->high_watermark(), 2);
}

TEST(Partition, is_found_again_after_a_stop_in_order) {
    ShardBench bench;
    auto partition = bench.leading();
    ASSERT_TRUE(append(*partition, batch_of(5)));
    ASSERT_TRUE(partition->sync_and_close());
    ASSERT_TRUE(bench.directory().close(7));
    bench.disk().restart();
    auto directory = log::LogDirectory::open(bench.disk(), "/data", {1, "cluster", Uuid{}}, {}).value();
    EXPECT_EQ(directory->clean_broker_epoch(), 7);
    EXPECT_EQ(directory->open_log({"orders", 0}, {}).value()->end().offset, 5);
}

}  // namespace
}  // namespace ottla::broker
