// SPDX-License-Identifier: Apache-2.0
// The indexes beside a segment: Kafka's bytes, right answers from memory and from the file, and what damage does.
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
        for (const char* suffix : {".index", ".timeindex"})
            EXPECT_EQ(read_text(disk, "/data/golden-0/" + base + suffix).value(), golden_index_text(base + suffix));
        ASSERT_TRUE(disk.remove("/data/golden-0/" + base + ".index"));
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

}  // namespace
}  // namespace ottla::broker::log
