// SPDX-License-Identifier: Apache-2.0
// The indexes beside a segment: Kafka's bytes, right answers from memory and from the file, and what damage does.
#include <array>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ottla/protocol/control_record.hpp>

#include "base/random.hpp"
#include "broker/log/log.hpp"
#include "broker/log/memory_disk.hpp"
#include "tests/broker/log/batches.hpp"

namespace ottla::broker::log {
namespace {

std::string golden_index_text(const std::string& name) {
    std::ifstream in(std::string(OTTLA_SOURCE_DIR) + "/tests/golden/log/" + name, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(Index, is_rebuilt_as_kafka_wrote_it) {
    MemoryDisk disk;
    ASSERT_TRUE(disk.make_directory("/data/golden-0"));
    const std::string base = "00000000000000000000";
    for (const std::string& name : {base + ".log", std::string("partition.metadata")})
        ASSERT_TRUE(disk.create("/data/golden-0/" + name).value()->write_at(0, as_bytes(golden_index_text(name))));
    LogConfig config;
    config.index_interval_bytes = 100;
    for (const bool clean : {false, true}) {
        auto log = Log::open(disk, "/data/golden-0", config, {clean, 0, {}}).value();
        ASSERT_TRUE(log->close());
        const std::string snapshot = "00000000000000000012.snapshot";
        for (const std::string& name : {base + ".index", base + ".timeindex", base + ".txnindex", snapshot})
            EXPECT_EQ(read_text(disk, "/data/golden-0/" + name).value(), golden_index_text(name)) << name;
        ASSERT_TRUE(disk.remove("/data/golden-0/" + base + ".index"));
        // What the batches tell again is told once.
        EXPECT_EQ(log->producers().size(), 2U);
    }
}

// Every read tells exactly of the aborted transactions with records between its offset and its last whole batch.
void expect_told(const Log& log, const std::vector<TransactionIndexEntry>& all) {
    for (std::int64_t offset = 0; offset < log.end().offset; ++offset) {
        for (const std::size_t bytes_max : {1U, 300U, 100'000U}) {
            SCOPED_TRACE(testing::Message() << offset << ", " << bytes_max << " bytes");
            const auto slice = log.plan_read(offset, bytes_max, log.end(), true, true).value().run().value();
            std::int64_t up_to = offset;
            const Bytes bytes = slice.range.read().value();
            protocol::RecordBatchReader reader(bytes);
            while (const auto view = reader.next().value()) up_to = view->header().next_offset();
            std::vector<AbortedTransaction> expected;
            for (const auto& one : all) {
                if (one.last_offset >= offset && one.first_offset < up_to)
                    expected.push_back({one.producer_id, one.first_offset});
            }
            EXPECT_EQ(slice.aborted, expected);
        }
    }
    EXPECT_TRUE(log.plan_read(0, 100'000, log.end()).value().run().value().aborted.empty());
}

// Markers that our own log takes from a coordinator, over a roll, a cut and both kinds of start.
TEST(Index, of_aborted_transactions_follows_the_log) {
    MemoryDisk disk;
    LogConfig config;
    config.segment_bytes = 600;
    auto log = Log::create(disk, "/data/orders-0", config, Uuid{}).value();
    const auto begin = [&](std::int64_t producer) {
        protocol::BatchStamp stamp;
        stamp.producer_id = producer;
        stamp.producer_epoch = 0;
        stamp.base_sequence = 0;
        stamp.transactional = true;
        return log->append(batch_of(1, 50, 1000, stamp).span(), {}).value().first_offset;
    };
    const auto end = [&](std::int64_t producer, bool committed) {
        const auto marker = protocol::build_marker_batch(0, 0, 2000, producer, 0, {committed, 1});
        return log->append(marker.span(), {Origin::coordinator, 0, {}}).value().last_offset;
    };
    const auto aborted = [&] {
        std::vector<TransactionIndexEntry> all;
        for (const auto& entry : disk.list("/data/orders-0").value()) {
            if (!entry.name.ends_with(".txnindex")) continue;
            const std::string text = read_text(disk, "/data/orders-0/" + entry.name).value();
            for (std::size_t at = 0; at < text.size(); at += TransactionIndexEntry::size) {
                std::int16_t version = -1;
                all.push_back(TransactionIndexEntry::read(as_bytes(text).data() + at, version));
            }
        }
        return all;
    };
    std::vector<TransactionIndexEntry> expected;
    std::vector<std::int64_t> ends;
    for (std::int64_t producer = 1; producer <= 12; ++producer) {
        const std::int64_t first = begin(producer), last = end(producer, producer % 3 == 0);
        if (producer % 3 != 0) expected.push_back({producer, first, last, last + 1});
        ends.push_back(last + 1);
    }
    ASSERT_GT(log->segment_count(), 2U);
    EXPECT_EQ(aborted(), expected);
    expect_told(*log, expected);
    const std::int64_t open = begin(100);
    for (const bool clean : {true, false}) {
        ASSERT_TRUE(clean ? log->close() : log->sync());
        log = Log::open(disk, "/data/orders-0", config, {clean, 0, {}}).value();
        EXPECT_EQ(aborted(), expected);
        expect_told(*log, expected);
        EXPECT_EQ(log->producers().first_unstable_offset(log->end().offset), open);
        EXPECT_EQ(log->producers().size(), 13U);
    }
    ASSERT_TRUE(log->truncate_to(ends[6]));
    expected.resize(5);
    EXPECT_EQ(aborted(), expected);
    EXPECT_EQ(log->producers().size(), 7U);
    EXPECT_EQ(log->producers().first_unstable_offset(log->end().offset), std::nullopt);
}

// What a clean start would trust.
TEST(Index, of_aborted_transactions_that_cannot_be_right_is_built_again) {
    struct Damage {
        std::uint64_t at;
        const char* bytes;
    };
    const Damage damages[] = {{1, "\x07"},  {2, "\xff"},  {17, "\x0a"}, {17, "\x63"},
                              {25, "\x0c"}, {25, "\x08"}, {33, "\x0c"}, {34, "x"}};
    const std::string path = "/data/golden-0/00000000000000000000.txnindex";
    for (const auto& damage : damages) {
        SCOPED_TRACE(damage.at);
        MemoryDisk disk;
        ASSERT_TRUE(disk.make_directory("/data/golden-0"));
        for (const char* suffix : {".log", ".index", ".timeindex", ".txnindex"}) {
            const std::string name = std::string("00000000000000000000") + suffix;
            ASSERT_TRUE(disk.create("/data/golden-0/" + name).value()->write_at(0, as_bytes(golden_index_text(name))));
        }
        ASSERT_TRUE(disk.open(path).value()->write_at(damage.at, as_bytes(damage.bytes)));
        ASSERT_NE(read_text(disk, path).value(), golden_index_text("00000000000000000000.txnindex"));
        const auto log = Log::open(disk, "/data/golden-0", {}, {true, 0, {}}).value();
        EXPECT_EQ(read_text(disk, path).value(), golden_index_text("00000000000000000000.txnindex"));
        expect_told(*log, {{1000, 8, 10, 9}});
    }
}

// Offsets beyond 31 bits: what is asked for need not lie in the segment that is asked.
TEST(Index, of_segments_far_from_the_first_offset) {
    for (const std::int64_t start : {3'000'000'000, 5'000'000'000, std::int64_t{1} << 40}) {
        SCOPED_TRACE(start);
        MemoryDisk disk;
        LogConfig config;
        config.index_interval_bytes = 100;
        auto log = Log::create(disk, "/data/orders-0", config, Uuid{}, start).value();
        for (std::int64_t producer = 0; producer < 40; ++producer) {
            protocol::BatchStamp stamp;
            stamp.producer_id = producer;
            stamp.producer_epoch = 0;
            stamp.base_sequence = 0;
            ASSERT_TRUE(log->append(batch_of(1, 50, 1000 + producer, stamp).span(), {}));
        }
        ASSERT_TRUE(log->sync());
        // There is no snapshot: the producers are read from offset 0 on.
        log = Log::open(disk, "/data/orders-0", config, {false, 0, {}}).value();
        EXPECT_EQ(log->producers().size(), 40U);
        ASSERT_TRUE(log->truncate_to(start + 20));
        EXPECT_EQ(log->end().offset, start + 20);
        EXPECT_EQ(log->producers().size(), 20U);
    }
}

// A log of small batches, each with one record of its own time, over some segments; an index entry nearly each.
class IndexedLog : public testing::Test {
protected:
    static constexpr int batches = 3000;

    IndexedLog() {
        config_.index_interval_bytes = 100;
        config_.segment_bytes = 100'000;
        log_ = Log::create(disk_, "/data/orders-0", config_, Uuid{}).value();
        for (int i = 0; i < batches; ++i) {
            times_.push_back(std::max<std::int64_t>(0, 10 * i + static_cast<std::int64_t>(random_.below(200)) - 100));
            append(times_.back());
        }
    }
    void append(std::int64_t time) { EXPECT_TRUE(log_->append(batch_of(1, 5 + random_.below(60), time).span(), {})); }
    void reopen(bool clean) {
        EXPECT_TRUE(clean ? log_->close() : log_->sync());
        log_ = Log::open(disk_, "/data/orders-0", config_, {clean, 0, {}}).value();
    }
    std::int64_t first_offset_at(std::int64_t offset) {
        const auto slice = log_->plan_read(offset, 1, log_->end()).value().run().value();
        const Bytes bytes = slice.range.read().value();
        return protocol::RecordBatchView::parse(bytes.span()).value().header().base_offset;
    }
    std::int64_t naive_offset_of(std::int64_t time) const {
        const auto found = std::find_if(times_.begin(), times_.end(), [&](std::int64_t t) { return t >= time; });
        return found == times_.end() ? -1 : found - times_.begin();
    }
    void expect_right() {
        EXPECT_EQ(log_->end().offset, static_cast<std::int64_t>(times_.size()));
        for (std::int64_t offset = 0; offset < log_->end().offset;
             offset += 1 + static_cast<std::int64_t>(random_.below(40)))
            EXPECT_EQ(first_offset_at(offset), offset);
        for (int i = 0; i < 100; ++i) {
            const auto time = static_cast<std::int64_t>(random_.below(10 * batches + 200));
            const auto found = log_->plan_time(time, log_->end()).run().value();
            EXPECT_EQ(found ? found->offset : -1, naive_offset_of(time)) << time;
        }
    }
    std::string path_of(std::size_t segment, const std::string& suffix) {
        std::vector<std::string> logs;
        for (const auto& entry : disk_.list("/data/orders-0").value())
            if (entry.name.ends_with(".log")) logs.push_back(entry.name.substr(0, 20));
        return "/data/orders-0/" + logs.at(segment) + suffix;
    }

    base::Random random_{11};
    MemoryDisk disk_;
    LogConfig config_;
    std::unique_ptr<Log> log_;
    std::vector<std::int64_t> times_;
};

TEST_F(IndexedLog, finds_offsets_and_times) {
    ASSERT_GT(log_->segment_count(), 3U);
    expect_right();
    for (const bool clean : {true, false, true}) {
        reopen(clean);
        expect_right();
        for (int i = 0; i < 50; ++i) {
            times_.push_back(static_cast<std::int64_t>(random_.below(10 * batches)));
            append(times_.back());
        }
        expect_right();
    }
}

TEST_F(IndexedLog, is_right_after_cuts) {
    while (times_.size() > 20) {
        times_.resize(times_.size() - 1 - random_.below(std::min<std::uint64_t>(times_.size() / 2, 700)));
        ASSERT_TRUE(log_->truncate_to(static_cast<std::int64_t>(times_.size())));
        expect_right();
        if (random_.chance(0.5)) reopen(random_.chance(0.5));
        for (auto n = random_.below(20); n > 0; --n) {
            times_.push_back(static_cast<std::int64_t>(random_.below(10 * batches)));
            append(times_.back());
        }
    }
    expect_right();
}

TEST_F(IndexedLog, is_rebuilt_when_it_is_missing_or_damaged) {
    const std::string whole = [&] {
        EXPECT_TRUE(log_->close());
        return read_text(disk_, path_of(1, ".index")).value();
    }();
    const auto harm = [&](const std::string& path, int how) {
        auto file = disk_.open(path).value();
        const auto size = file->size().value();
        switch (how) {
            case 0: return disk_.remove(path);
            case 1: return file->truncate(0);
            case 2: return file->truncate(size - 3);
            case 3: {  // past the end of the segment
                std::array<std::uint8_t, OffsetIndexEntry::size> entry;
                OffsetIndexEntry{5, 1 << 30}.write(entry.data());
                return file->write_at(size - entry.size(), ByteSpan(entry));
            }
            default: {  // not at a batch
                std::array<std::uint8_t, OffsetIndexEntry::size> entry;
                OffsetIndexEntry{5, 77}.write(entry.data());
                return file->write_at(size - entry.size(), ByteSpan(entry));
            }
        }
    };
    for (int how = 0; how <= 4; ++how) {
        SCOPED_TRACE(how);
        ASSERT_TRUE(harm(path_of(1, ".index"), how));
        if (how <= 2) {
            ASSERT_TRUE(harm(path_of(2, ".timeindex"), how));
        }
        log_ = Log::open(disk_, "/data/orders-0", config_, {true, 0, {}}).value();
        expect_right();
        ASSERT_TRUE(log_->close());
        // An empty index is no damage that shows: more is read without it.
        EXPECT_EQ(read_text(disk_, path_of(1, ".index")).value(), how == 1 ? "" : whole);
        if (how == 1) {
            ASSERT_TRUE(disk_.open(path_of(1, ".index")).value()->write_at(0, as_bytes(whole)));
        }
    }
}

TEST_F(IndexedLog, goes_on_without_room_for_it) {
    disk_.set_script([](const MemoryDisk::Operation& operation) {
        const bool index = operation.path.ends_with("index");
        return index && operation.kind == MemoryDisk::Kind::write ? MemoryDisk::Fault::full : MemoryDisk::Fault::none;
    });
    for (int i = 0; i < 2000; ++i) {
        times_.push_back(20 * i);
        append(times_.back());
    }
    expect_right();
    disk_.set_script(nullptr);
    reopen(true);
    expect_right();
}

// Found while it is read, not at the start: no record is ever passed over.
TEST_F(IndexedLog, a_bit_that_turns_later_leads_nobody_astray) {
    reopen(true);
    const auto index = disk_.open(path_of(0, ".index")).value();
    const std::uint64_t bits = index->size().value() * 8;
    for (std::uint64_t bit = random_.below(7); bit < bits; bit += 1 + random_.below(25)) {
        std::array<std::uint8_t, 1> byte{};
        ASSERT_TRUE(index->read_exactly(bit / 8, byte));
        const auto flip = [&] {
            byte[0] = static_cast<std::uint8_t>(byte[0] ^ 1U << bit % 8);
            ASSERT_TRUE(index->write_at(bit / 8, byte));
        };
        flip();
        const auto entry = static_cast<std::int64_t>(bit / 64);
        for (std::int64_t offset = std::max<std::int64_t>(0, entry - 3); offset < entry + 6; ++offset)
            ASSERT_EQ(first_offset_at(offset), offset) << "bit " << bit;
        flip();
    }
}

// Bytes that this process has neither written nor checked.
TEST_F(IndexedLog, what_was_found_on_the_disk_is_checked_when_it_is_read) {
    EXPECT_TRUE(log_->plan_read(7, 1000, log_->end()).value().is_known);
    reopen(false);
    EXPECT_TRUE(log_->plan_read(7, 1000, log_->end()).value().is_known);
    reopen(true);
    append(0);
    EXPECT_TRUE(log_->plan_read(batches, 1000, log_->end()).value().is_known);
    const auto plan = log_->plan_read(7, 1000, log_->end()).value();
    EXPECT_FALSE(plan.is_known);
    const auto sound = plan.run_checked().value();
    EXPECT_EQ(sound.range, plan.run().value().range);
    // The last byte of the batch at offset 9.
    const auto begin = log_->plan_read(10, 1000, log_->end()).value().run().value().range.position;
    std::array<std::uint8_t, 1> byte{};
    const auto file = disk_.open(path_of(0, ".log")).value();
    ASSERT_TRUE(file->read_exactly(begin - 1, byte));
    byte[0] ^= 0x20;
    ASSERT_TRUE(file->write_at(begin - 1, byte));
    const auto before = plan.run_checked().value();
    const Bytes bytes = before.range.read().value();
    EXPECT_EQ(values_in(bytes).size(), 2U) << "7 and 8";
    const auto damaged = log_->plan_read(9, 1000, log_->end()).value().run_checked();
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error(), ErrorCode::corrupt_storage);
    EXPECT_THAT(std::string(damaged.error().text()),
                testing::AllOf(testing::HasSubstr(path_of(0, ".log")), testing::HasSubstr("the offsets 9 to 9")));
    EXPECT_EQ(log_->plan_read(10, 1000, log_->end()).value().run_checked().value().range.position, begin);
}

// The offset of a batch is not under its checksum: what contradicts its neighbours is not served, nor passed over.
TEST_F(IndexedLog, a_batch_with_another_offset_is_not_taken_for_good) {
    reopen(true);
    const std::int64_t first = 5, end = 15;
    const auto file = disk_.open(path_of(0, ".log")).value();
    std::vector<std::string> values;
    for (std::int64_t offset = first; offset < end; ++offset) {
        const auto slice = log_->plan_read(offset, 1, log_->end()).value().run_checked().value();
        values.push_back(values_in(slice.range.read().value().span()).at(0));
    }
    const auto begin = log_->plan_read(9, 1, log_->end()).value().run_checked().value().range.position;
    int refused = 0;
    for (std::uint64_t bit = 0; bit < 64; ++bit) {
        const auto flip = [&] {
            std::array<std::uint8_t, 1> byte{};
            ASSERT_TRUE(file->read_exactly(begin + bit / 8, byte));
            byte[0] = static_cast<std::uint8_t>(byte[0] ^ (1U << bit % 8));
            ASSERT_TRUE(file->write_at(begin + bit / 8, byte));
        };
        flip();
        for (std::int64_t offset = first; offset < end; ++offset) {
            const auto slice = log_->plan_read(offset, 1000, log_->end()).value().run_checked();
            if (!slice) {
                EXPECT_EQ(slice.error(), ErrorCode::corrupt_storage);
                // A negative offset is where no batch can begin, and ends the walk to those behind it.
                EXPECT_TRUE(offset == 9 || (offset > 9 && bit == 7)) << "bit " << bit << ": " << slice.error().text();
                refused += offset == 9;
                continue;
            }
            const Bytes bytes = slice->range.read().value();
            protocol::RecordBatchReader reader(bytes.span());
            std::int64_t next = offset;
            while (const auto batch = reader.next().value()) {
                ASSERT_EQ(batch->header().base_offset, next) << "bit " << bit << ", read from " << offset;
                if (next < end) {
                    EXPECT_EQ(values_in(batch->bytes()).at(0), values[static_cast<std::size_t>(next - first)]);
                }
                ++next;
            }
        }
        flip();
    }
    EXPECT_EQ(refused, 64);
}

}  // namespace
}  // namespace ottla::broker::log
