// SPDX-License-Identifier: Apache-2.0
#include "broker/log/log.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/memory_disk.hpp"
#include "tests/broker/log/batches.hpp"

namespace ottla::broker::log {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using Kind = MemoryDisk::Kind;
using Fault = MemoryDisk::Fault;

class LogTest : public testing::Test {
protected:
    LogTest() { log_ = Log::create(disk_, "/data/orders-0", config_, Uuid{}).value(); }

    void reopen(bool clean = false) {
        if (clean) {
            EXPECT_TRUE(log_->close());
        }
        log_.reset();
        Log::OpenOptions options;
        options.clean = clean;
        log_ = Log::open(disk_, "/data/orders-0", config_, options).value();
    }
    void with_segments_of(std::uint64_t bytes) {
        config_.segment_bytes = bytes;
        log_->set_config(config_);
    }
    Appended append(const Bytes& batch, std::int32_t epoch = 0) {
        return log_->append(batch, {Origin::client, epoch, {}}).value();
    }
    Bytes read(std::int64_t offset, std::size_t bytes_max = 1U << 20) {
        const auto slice = log_->plan_read(offset, bytes_max, log_->end()).value().run().value();
        return slice.range.length == 0 ? Bytes{} : slice.range.read().value();
    }
    protocol::RecordBatchHeader header_at(std::int64_t offset) {
        return protocol::RecordBatchHeader::read(read(offset).data());
    }
    std::vector<std::string> names() {
        std::vector<std::string> all;
        for (const auto& entry : disk_.list("/data/orders-0").value()) all.push_back(entry.name);
        return all;
    }
    std::vector<std::string> all_values() {
        std::vector<std::string> values;
        std::int64_t offset = log_->start_offset();
        while (offset < log_->end().offset) {
            const Bytes bytes = read(offset);
            if (bytes.empty()) break;
            const auto more = values_in(bytes);
            values.insert(values.end(), more.begin(), more.end());
            protocol::RecordBatchReader reader(bytes);
            while (auto view = reader.next().value()) offset = view->header().next_offset();
        }
        return values;
    }

    MemoryDisk disk_;
    LogConfig config_;
    std::unique_ptr<Log> log_;
};

TEST_F(LogTest, is_made_of_kafkas_files) {
    append(batch_of(3));
    ASSERT_TRUE(log_->sync());
    EXPECT_THAT(names(), ElementsAre("00000000000000000000.log", "leader-epoch-checkpoint", "partition.metadata"));
    EXPECT_EQ(read_text(disk_, "/data/orders-0/leader-epoch-checkpoint").value(), "0\n1\n0 0\n");
    EXPECT_EQ(read_text(disk_, "/data/orders-0/partition.metadata").value(),
              "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA");
}

TEST_F(LogTest, gives_offsets_and_stamps_the_epoch) {
    const Bytes batch = batch_of(3);
    const Bytes untouched = Bytes::copy_of(batch.span());
    const auto first = append(batch, 4);
    EXPECT_EQ(first.first_offset, 0);
    EXPECT_EQ(first.last_offset, 2);
    const auto second = append(batch, 5);
    EXPECT_EQ(second.first_offset, 3);
    EXPECT_EQ(second.begin, first.end);
    EXPECT_EQ(log_->end(), (LogPosition{6, 0, 2 * batch.size()}));
    EXPECT_EQ(batch, untouched);

    const Bytes stored = read(3);
    const auto view = protocol::RecordBatchView::parse(stored).value();
    EXPECT_EQ(view.header().base_offset, 3);
    EXPECT_EQ(view.header().leader_epoch, 5);
    EXPECT_TRUE(view.check_crc());
    EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochEntry{4, 0}, EpochEntry{5, 3}));
}

TEST_F(LogTest, takes_several_batches_at_once) {
    Buffer both;
    both.append(batch_of(2).span());
    both.append(batch_of(3).span());
    const auto appended = log_->append(both.span(), {Origin::coordinator, 1, {}}).value();
    EXPECT_EQ(appended.first_offset, 0);
    EXPECT_EQ(appended.last_offset, 4);
    EXPECT_EQ(header_at(2).base_offset, 2);
}

TEST_F(LogTest, keeps_a_replicas_offsets_and_epochs) {
    protocol::BatchStamp stamp;
    stamp.base_offset = 7;
    stamp.leader_epoch = 3;
    const Bytes batch = batch_of(2, 10, 1000, stamp);
    EXPECT_EQ(log_->append(batch, {Origin::replica, -1, {}}).value().first_offset, 7);
    EXPECT_EQ(log_->end().offset, 9);
    EXPECT_EQ(read(7), batch);
    EXPECT_EQ(read(0), batch);  // the next there is
    EXPECT_EQ(log_->append(batch, {Origin::replica, -1, {}}).error(), ErrorCode::corrupt_message);
}

TEST_F(LogTest, stamps_the_time_of_appending) {
    ASSERT_TRUE(log_->append(batch_of(2, 10, 1000).span(), {Origin::client, 0, 5000}));
    const Bytes stored = read(0);
    const auto view = protocol::RecordBatchView::parse(stored).value();
    EXPECT_TRUE(view.check_crc());
    EXPECT_EQ(view.header().timestamp_type(), protocol::TimestampType::log_append_time);
    EXPECT_EQ(view.header().max_timestamp, 5000);
    auto records = view.records();
    protocol::RecordView record;
    ASSERT_TRUE(records.next(record));
    EXPECT_EQ(record.timestamp, 5000);
}

TEST_F(LogTest, refuses_what_is_no_batch) {
    EXPECT_EQ(log_->append({}, {}).error(), ErrorCode::corrupt_message);
    const Bytes batch = batch_of(3);
    EXPECT_EQ(log_->append(batch.span().first(batch.size() - 1), {}).error(), ErrorCode::corrupt_message);
    with_segments_of(100);
    EXPECT_EQ(log_->append(batch_of(3, 100).span(), {}).error(), ErrorCode::record_list_too_large);
    EXPECT_EQ(log_->end().offset, 0);
}

TEST_F(LogTest, reads_whole_batches_up_to_the_limit) {
    const Bytes batch = batch_of(1, 1000);
    for (int i = 0; i < 20; ++i) append(batch);
    EXPECT_EQ(read(0).size(), 20 * batch.size());
    EXPECT_EQ(read(0, 1).size(), batch.size());
    EXPECT_EQ(read(7, 1).size(), batch.size());
    EXPECT_EQ(header_at(7).base_offset, 7);
    // Cut where a batch begins, when the index knows one near.
    const auto some = read(0, 8 * batch.size() + 10);
    EXPECT_EQ(some.size() % batch.size(), 0U);
    EXPECT_GE(some.size(), 4 * batch.size());
    const auto none = log_->plan_read(0, 1, log_->end(), false).value().run().value();
    EXPECT_EQ(none.range.length, 0U);
}

TEST_F(LogTest, reads_nothing_behind_the_given_end) {
    append(batch_of(2));
    const LogPosition committed = log_->end();
    append(batch_of(2));
    const auto slice = log_->plan_read(0, 1U << 20, committed).value().run().value();
    EXPECT_EQ(slice.range.length, committed.position);
    EXPECT_EQ(log_->plan_read(2, 1U << 20, committed).value().run().value().range.length, 0U);
    EXPECT_EQ(log_->plan_read(4, 1U << 20, log_->end()).value().run().value().range.length, 0U);
    EXPECT_EQ(log_->plan_read(5, 1U << 20, committed).error(), ErrorCode::offset_out_of_range);
    EXPECT_EQ(log_->plan_read(-1, 1U << 20, committed).error(), ErrorCode::offset_out_of_range);
}

TEST_F(LogTest, rolls_by_size) {
    const Bytes batch = batch_of(2, 200);
    with_segments_of(3 * batch.size());
    for (int i = 0; i < 7; ++i) append(batch);
    EXPECT_EQ(log_->segment_count(), 3U);
    EXPECT_THAT(names(),
                ElementsAre("00000000000000000000.index", "00000000000000000000.log", "00000000000000000000.timeindex",
                            "00000000000000000006.index", "00000000000000000006.log", "00000000000000000006.snapshot",
                            "00000000000000000006.timeindex", "00000000000000000012.log",
                            "00000000000000000012.snapshot", "partition.metadata"));
    EXPECT_EQ(all_values().size(), 14U);
    EXPECT_EQ(header_at(7).base_offset, 6);
    // One append over the edge of a segment.
    Buffer many;
    for (int i = 0; i < 5; ++i) many.append(batch.span());
    ASSERT_TRUE(log_->append(many.span(), {}));
    EXPECT_EQ(log_->segment_count(), 4U);
    EXPECT_EQ(all_values().size(), 24U);
}

TEST_F(LogTest, finds_the_same_after_opening_again) {
    const Bytes batch = batch_of(2, 3000);
    with_segments_of(10 * batch.size());
    for (int i = 0; i < 34; ++i) append(batch, i / 10);
    const auto values = all_values();
    const auto end = log_->end();
    for (const bool clean : {true, false}) {
        reopen(clean);
        EXPECT_EQ(log_->end(), end);
        EXPECT_EQ(log_->synced(), end);
        EXPECT_EQ(all_values(), values);
        EXPECT_THAT(log_->epochs().entries(),
                    ElementsAre(EpochEntry{0, 0}, EpochEntry{1, 20}, EpochEntry{2, 40}, EpochEntry{3, 60}));
        EXPECT_EQ(header_at(41).base_offset, 40);
    }
}

TEST_F(LogTest, cuts_a_torn_tail) {
    const Bytes batch = batch_of(2, 100);
    for (int i = 0; i < 3; ++i) append(batch);
    auto file = disk_.open("/data/orders-0/00000000000000000000.log").value();
    ASSERT_TRUE(file->truncate(3 * batch.size() - 1));
    reopen();
    EXPECT_EQ(log_->end(), (LogPosition{4, 0, 2 * batch.size()}));
    EXPECT_EQ(file->size().value(), 2 * batch.size());
    append(batch);
    EXPECT_EQ(all_values().size(), 6U);
}

TEST_F(LogTest, cuts_zeros_and_flipped_bits_and_what_follows) {
    const Bytes batch = batch_of(1, 100);
    with_segments_of(3 * batch.size());
    for (int i = 0; i < 9; ++i) append(batch);
    ASSERT_TRUE(disk_.create("/data/orders-0/00000000000000000003.snapshot"));
    ASSERT_TRUE(disk_.create("/data/orders-0/00000000000000000009.snapshot"));
    auto second = disk_.open("/data/orders-0/00000000000000000003.log").value();
    std::array<std::uint8_t, 1> byte{};
    ASSERT_TRUE(second->read_exactly(batch.size() + 80, byte));
    byte[0] ^= 4;
    ASSERT_TRUE(second->write_at(batch.size() + 80, byte));
    reopen();
    EXPECT_EQ(log_->end().offset, 4);
    EXPECT_THAT(names(),
                ElementsAre("00000000000000000000.index", "00000000000000000000.log", "00000000000000000000.timeindex",
                            "00000000000000000003.index", "00000000000000000003.log", "00000000000000000003.snapshot",
                            "00000000000000000003.timeindex", "leader-epoch-checkpoint", "partition.metadata"));

    ASSERT_TRUE(log_->append(batch, {}));
    auto file = disk_.open("/data/orders-0/00000000000000000003.log").value();
    const auto size = file->size().value();
    ASSERT_TRUE(file->truncate(size + 5000));
    reopen();
    EXPECT_EQ(log_->end().offset, 5);
    EXPECT_EQ(file->size().value(), size);
}

// The base offset lies outside the checksum.
TEST_F(LogTest, cuts_a_batch_with_an_offset_that_cannot_be) {
    const Bytes batch = batch_of(2, 100);
    for (const std::int64_t offset : {std::numeric_limits<std::int64_t>::max() - 1, std::int64_t{1} << 31}) {
        append(batch);
        const auto end = log_->end();
        append(batch);
        auto file = disk_.open("/data/orders-0/00000000000000000000.log").value();
        std::array<std::uint8_t, 8> bytes;
        protocol::store_big(bytes.data(), offset);
        ASSERT_TRUE(file->write_at(end.position, bytes));
        reopen();
        EXPECT_EQ(log_->end(), end);
    }
}

TEST_F(LogTest, indexes_without_their_segment_go) {
    append(batch_of(1));
    for (const char* name : {"00000000000000000001.index", "00000000000000000001.txnindex"}) {
        const auto file = disk_.create("/data/orders-0/" + std::string(name)).value();
        ASSERT_TRUE(file->write_at(0, as_bytes("what a segment that is gone has left behind it")));
    }
    reopen();
    EXPECT_EQ(log_->end().offset, 1);
    for (const auto& name : names()) EXPECT_FALSE(name.starts_with("00000000000000000001.")) << name;
    ASSERT_TRUE(disk_.remove("/data/orders-0/00000000000000000000.log"));
    ASSERT_TRUE(disk_.create("/data/orders-0/00000000000000000000.txnindex").value()->write_at(0, as_bytes("old")));
    reopen();
    EXPECT_EQ(log_->end().offset, 0);
    append(batch_of(1));
    ASSERT_TRUE(log_->truncate_to(0));
    EXPECT_THAT(names(), testing::Not(testing::Contains("00000000000000000000.txnindex")));
}

TEST_F(LogTest, a_segment_that_is_cut_to_nothing_keeps_no_index) {
    append(batch_of(1));
    ASSERT_TRUE(disk_.open("/data/orders-0/00000000000000000000.log").value()->truncate(60));
    const auto index = disk_.create("/data/orders-0/00000000000000000000.txnindex").value();
    ASSERT_TRUE(index->write_at(0, as_bytes("of aborted transactions that are not there any more")));
    reopen();
    EXPECT_EQ(log_->end().offset, 0);
    append(batch_of(1));
    append(batch_of(1));
    ASSERT_TRUE(log_->truncate_to(1));
    EXPECT_EQ(log_->end().offset, 1);
    EXPECT_THAT(names(), testing::Not(testing::Contains("00000000000000000000.txnindex")));
}

TEST_F(LogTest, does_not_check_below_the_recovery_point) {
    const Bytes batch = batch_of(1, 100);
    with_segments_of(3 * batch.size());
    for (int i = 0; i < 9; ++i) append(batch);
    auto first = disk_.open("/data/orders-0/00000000000000000000.log").value();
    ASSERT_TRUE(first->write_at(80, as_bytes("?")));
    log_.reset();
    Log::OpenOptions options;
    options.recovery_point = 6;
    log_ = Log::open(disk_, "/data/orders-0", config_, options).value();
    EXPECT_EQ(log_->end().offset, 9);
}

TEST_F(LogTest, a_segment_that_does_not_follow_goes) {
    const Bytes batch = batch_of(1, 100);
    with_segments_of(2 * batch.size());
    for (int i = 0; i < 6; ++i) append(batch);
    auto first = disk_.open("/data/orders-0/00000000000000000002.log").value();
    ASSERT_TRUE(first->truncate(batch.size()));  // its end was never written, and nothing is torn
    reopen();
    EXPECT_EQ(log_->end().offset, 3);
    EXPECT_EQ(log_->segment_count(), 2U);
}

TEST_F(LogTest, rebuilds_a_broken_epoch_file) {
    append(batch_of(2), 3);
    append(batch_of(2), 4);
    ASSERT_TRUE(log_->sync());
    ASSERT_TRUE(replace_text(disk_, "/data/orders-0/leader-epoch-checkpoint", "nonsense"));
    reopen();
    EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochEntry{3, 0}, EpochEntry{4, 2}));
    EXPECT_EQ(read_text(disk_, "/data/orders-0/leader-epoch-checkpoint").value(), "0\n2\n3 0\n4 2\n");
}

TEST_F(LogTest, truncates_to_an_offset) {
    const Bytes batch = batch_of(2, 3000);
    with_segments_of(4 * batch.size());
    for (int i = 0; i < 11; ++i) append(batch, i);
    ASSERT_TRUE(log_->sync());
    ASSERT_TRUE(log_->truncate_to(100));
    EXPECT_EQ(log_->end().offset, 22);
    ASSERT_TRUE(log_->truncate_to(14));
    EXPECT_EQ(log_->end(), (LogPosition{14, 8, 3 * batch.size()}));
    EXPECT_EQ(log_->synced(), log_->end());
    EXPECT_EQ(log_->epochs().latest(), 6);
    ASSERT_TRUE(log_->truncate_to(13));  // in the middle of a batch
    EXPECT_EQ(log_->end().offset, 12);
    EXPECT_EQ(all_values().size(), 12U);
    append(batch, 20);
    EXPECT_EQ(all_values().size(), 14U);
    reopen();
    EXPECT_EQ(log_->end().offset, 14);
    ASSERT_TRUE(log_->truncate_to(0));
    EXPECT_EQ(log_->end(), (LogPosition{0, 0, 0}));
    EXPECT_TRUE(log_->epochs().entries().empty());
}

TEST_F(LogTest, finds_records_by_time) {
    const auto compressed = [](const Bytes& plain) {
        protocol::Compressor compressor;
        Buffer out;
        EXPECT_TRUE(compress_batch(plain, protocol::CompressionType::lz4, 1, compressor, out));
        return std::move(out).freeze();
    };
    with_segments_of(400);
    append(batch_of({{100}, {200}, {150}}), 1);
    append(compressed(batch_of({{300}, {250}, {400}})), 2);
    for (int i = 0; i < 5; ++i) append(batch_of({{350, std::string(100, 'x')}}), 3);
    EXPECT_GT(log_->segment_count(), 2U);
    const auto find = [this](std::int64_t timestamp) { return log_->plan_time(timestamp, log_->end()).run().value(); };
    EXPECT_EQ(find(0), (TimestampOffset{100, 0, 1}));
    EXPECT_EQ(find(150), (TimestampOffset{200, 1, 1}));
    EXPECT_EQ(find(250), (TimestampOffset{300, 3, 2}));
    EXPECT_EQ(find(301), (TimestampOffset{400, 5, 2}));
    EXPECT_EQ(find(401), std::nullopt);
    EXPECT_EQ(log_->plan_max_timestamp(log_->end()).run().value(), (TimestampOffset{400, 5, 2}));
    reopen();
    EXPECT_EQ(find(301), (TimestampOffset{400, 5, 2}));
    // Not what is behind the given end.
    EXPECT_EQ(log_->plan_time(250, LogPosition{3, 0, 0}).run().value(), std::nullopt);
}

TEST_F(LogTest, an_empty_log_has_no_time) {
    EXPECT_EQ(log_->plan_max_timestamp(log_->end()).run().value(), std::nullopt);
    EXPECT_EQ(log_->plan_time(0, log_->end()).run().value(), std::nullopt);
}

TEST_F(LogTest, undoes_a_failed_write) {
    const Bytes batch = batch_of(1, 100);
    append(batch);
    const auto before = log_->end();
    for (const Fault fault : {Fault::full, Fault::torn_full, Fault::fail, Fault::torn}) {
        disk_.fail_nth(Kind::write, 1, fault);
        const auto failed = log_->append(batch, {});
        EXPECT_EQ(failed.error(),
                  fault == Fault::full || fault == Fault::torn_full ? ErrorCode::storage_full : ErrorCode::file_system);
        EXPECT_EQ(log_->end(), before);
        EXPECT_EQ(disk_.open("/data/orders-0/00000000000000000000.log").value()->size().value(), before.position);
    }
    append(batch);
    EXPECT_EQ(all_values().size(), 2U);
}

// A full disk does no harm, but here what is in the file is not what the log thinks.
TEST_F(LogTest, an_append_that_cannot_be_undone_is_no_mere_lack_of_room) {
    const Bytes batch = batch_of(1, 100);
    append(batch);
    disk_.set_script([](const MemoryDisk::Operation& operation) {
        return operation.kind == Kind::write      ? Fault::torn_full
               : operation.kind == Kind::truncate ? Fault::full
                                                  : Fault::none;
    });
    EXPECT_EQ(log_->append(batch, {}).error(), ErrorCode::file_system);
}

TEST_F(LogTest, undoes_an_append_over_segments) {
    const Bytes batch = batch_of(1, 100);
    with_segments_of(3 * batch.size());
    append(batch);
    append(batch);
    const auto before = log_->end();
    Buffer many;
    for (int i = 0; i < 8; ++i) many.append(batch.span());
    for (const Kind kind : {Kind::write, Kind::create}) {
        for (std::uint64_t nth = 1; nth <= 2; ++nth) {
            disk_.set_script([kind, left = nth](const MemoryDisk::Operation& operation) mutable {
                if (operation.kind != kind || !operation.path.ends_with(".log") || left == 0) return Fault::none;
                return --left == 0 ? Fault::full : Fault::none;
            });
            EXPECT_EQ(log_->append(many.span(), {}).error(), ErrorCode::storage_full);
            EXPECT_EQ(log_->end(), before);
            EXPECT_EQ(log_->segment_count(), 1U);
            EXPECT_EQ(all_values().size(), 2U);
        }
    }
    disk_.set_script(nullptr);
    ASSERT_TRUE(log_->append(many.span(), {}));
    EXPECT_EQ(all_values().size(), 10U);
}

TEST_F(LogTest, counts_as_synced_what_the_work_covered) {
    append(batch_of(2));
    SyncWork work = log_->prepare_sync();
    const auto covered = log_->end();
    append(batch_of(2));
    ASSERT_TRUE(work.run(disk_));
    log_->synced(work);
    EXPECT_EQ(log_->synced(), covered);
    ASSERT_TRUE(log_->sync());
    EXPECT_EQ(log_->synced(), log_->end());
    EXPECT_TRUE(log_->prepare_sync().empty());
}

// The process was killed between making the partition's directory and syncing its parent; the name was in the page
// cache alone when the next process opened the log and had records acknowledged.
TEST_F(LogTest, a_directory_found_after_a_kill_survives_the_power_cut_that_follows) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        MemoryDisk disk;
        ASSERT_TRUE(make_durable_directory(disk, "/data"));
        log_.reset();
        ASSERT_TRUE(Log::create(disk, "/data/orders-1", config_, Uuid{}));
        disk.restart();
        const auto opened = Log::open(disk, "/data/orders-1", config_, Log::OpenOptions{});
        ASSERT_TRUE(opened);
        const Bytes batch = batch_of(3);
        ASSERT_TRUE((*opened)->append(batch, {Origin::client, 0, {}}));
        ASSERT_TRUE((*opened)->sync());
        base::Random random(seed);
        disk.crash(random);
        const auto again = Log::open(disk, "/data/orders-1", config_, Log::OpenOptions{});
        ASSERT_TRUE(again) << seed;
        EXPECT_EQ((*again)->end().offset, 3) << seed;
    }
}

TEST_F(LogTest, does_not_count_what_replaced_a_cut_tail) {
    append(batch_of(2));
    append(batch_of(2));
    SyncWork work = log_->prepare_sync();
    ASSERT_TRUE(log_->truncate_to(2));
    append(batch_of(4));
    ASSERT_TRUE(work.run(disk_));
    log_->synced(work);
    EXPECT_EQ(log_->synced().offset, 2);
}

}  // namespace
}  // namespace ottla::broker::log
