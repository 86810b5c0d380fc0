// SPDX-License-Identifier: Apache-2.0
// When a log begins a new segment.
#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "broker/log/log.hpp"
#include "broker/log/memory_disk.hpp"
#include "tests/broker/log/batches.hpp"

namespace ottla::broker::log {
namespace {

constexpr std::int64_t hour = 3'600'000;

class Roll : public testing::Test {
protected:
    Roll() { config_.segment_ms = hour; }

    Log& log() {
        if (!log_) log_ = Log::create(disk_, directory_, config_, Uuid{}).value();
        log_->set_config(config_);
        return *log_;
    }
    void reopen(bool clean) {
        ASSERT_TRUE(clean ? log_->close() : log_->sync());
        Log::OpenOptions options;
        options.clean = clean;
        log_ = Log::open(disk_, directory_, config_, options).value();
    }
    // How many segments there are afterwards.
    std::size_t append(std::int64_t timestamp, std::int64_t now_ms = 0) {
        EXPECT_TRUE(log().append(batch_of(1, 10, timestamp).span(), {Origin::client, 0, {}, now_ms}));
        return log_->segment_count();
    }
    bool rolls_at(std::int64_t age) const {
        MemoryDisk disk;
        auto log = Log::create(disk, directory_, config_, Uuid{}).value();
        EXPECT_TRUE(log->append(batch_of(1, 10, 1000).span(), {}));
        EXPECT_TRUE(log->append(batch_of(1, 10, 1000 + age).span(), {}));
        return log->segment_count() > 1;
    }
    // The age up to which the directory's first segment is appended to.
    std::int64_t age_max() const {
        std::int64_t low = 0, high = 2 * hour;
        while (low < high) {
            const std::int64_t age = (low + high + 1) / 2;
            (rolls_at(age) ? high : low) = rolls_at(age) ? age - 1 : age;
        }
        return low;
    }

    MemoryDisk disk_;
    std::string directory_ = "/data/orders-0";
    LogConfig config_;
    std::unique_ptr<Log> log_;
};

TEST_F(Roll, by_the_time_of_records) {
    EXPECT_EQ(append(1000), 1U);
    EXPECT_EQ(append(500), 1U);
    EXPECT_EQ(append(1000 + hour, 5 * hour), 1U);
    EXPECT_EQ(append(1000 + hour + 1), 2U);
    // From there on the next segment's first batch counts, and what is older is welcome.
    EXPECT_EQ(append(0), 2U);
    EXPECT_EQ(append(1000 + 2 * hour + 1), 2U);
    EXPECT_EQ(append(1000 + 2 * hour + 2), 3U);
}

TEST_F(Roll, by_the_clock_where_records_have_no_time) {
    EXPECT_EQ(append(-1, 100), 1U);
    EXPECT_EQ(append(50 * hour, 100 + hour), 1U);
    EXPECT_EQ(append(-1, 101 + hour), 2U);
    EXPECT_EQ(append(-1, 101 + 2 * hour), 2U);
    EXPECT_EQ(append(-1, 102 + 2 * hour), 3U);
    // A clock that goes back ends nothing.
    EXPECT_EQ(append(-1, 0), 3U);
}

TEST_F(Roll, by_time_after_a_start_too) {
    config_.index_interval_bytes = 100;
    for (const bool clean : {true, false}) {
        log_.reset();
        directory_ += "x";
        EXPECT_EQ(append(1000), 1U);
        for (int i = 0; i < 20; ++i) EXPECT_EQ(append(2000), 1U);
        reopen(clean);
        EXPECT_EQ(append(1000 + hour), 1U);
        EXPECT_EQ(append(1001 + hour), 2U);
        // Also where the first batch goes and another comes.
        ASSERT_TRUE(log().truncate_to(0));
        EXPECT_EQ(append(9 * hour), 1U);
        EXPECT_EQ(append(10 * hour), 1U);
        EXPECT_EQ(append(10 * hour + 1), 2U);
    }
}

TEST_F(Roll, by_time_within_what_a_replica_brings) {
    Buffer batches;
    std::int64_t offset = 0;
    for (const std::int64_t timestamp : {std::int64_t{1}, std::int64_t{2}, hour + 2, hour + 3, std::int64_t{5}}) {
        protocol::BatchStamp stamp;
        stamp.base_offset = offset++;
        stamp.leader_epoch = 0;
        batches.append(batch_of(1, 10, timestamp, stamp).span());
    }
    ASSERT_TRUE(log().append(batches.span(), {Origin::replica, 0, {}, 0}));
    EXPECT_EQ(log().segment_count(), 2U);
    EXPECT_EQ(log().end().segment_base, 2);
    EXPECT_EQ(log().end().offset, 5);
}

TEST_F(Roll, no_segment_is_larger_than_it_may_be) {
    const std::size_t batch = batch_of(1, 10).size();
    config_.segment_bytes = batch * 2 + batch / 2;
    Buffer batches;
    for (std::int64_t offset = 0; offset < 5; ++offset) {
        protocol::BatchStamp stamp;
        stamp.base_offset = offset;
        stamp.leader_epoch = 0;
        batches.append(batch_of(1, 10, 1000, stamp).span());
    }
    ASSERT_TRUE(log().append(batches.span(), {Origin::replica, 0, {}, 0}));
    EXPECT_EQ(log().segment_count(), 3U);
}

TEST_F(Roll, comes_earlier_by_a_part_of_the_jitter) {
    EXPECT_EQ(age_max(), hour);
    config_.segment_jitter_ms = hour / 2;
    std::vector<std::int64_t> ages;
    for (int i = 0; i < 8; ++i) {
        directory_ = "/data/orders-" + std::to_string(i);
        ages.push_back(age_max());
        EXPECT_GT(ages.back(), hour / 2);
        EXPECT_LE(ages.back(), hour);
        EXPECT_EQ(age_max(), ages.back());
    }
    std::sort(ages.begin(), ages.end());
    EXPECT_EQ(std::adjacent_find(ages.begin(), ages.end()), ages.end());
    // More jitter than time is all the time there is.
    config_.segment_jitter_ms = 100 * hour;
    EXPECT_LE(age_max(), hour);
}

TEST_F(Roll, when_an_index_is_full) {
    config_.index_interval_bytes = 0;
    config_.index_bytes_max = 80;  // 10 offsets; 6 times, one of them for the end
    for (int i = 0; i < 11; ++i) EXPECT_EQ(append(1000), 1U) << i;
    EXPECT_EQ(append(1000), 2U);
    log_.reset();
    directory_ += "x";
    for (int i = 0; i < 6; ++i) EXPECT_EQ(append(1000 + i), 1U) << i;
    EXPECT_EQ(append(2000), 2U);
    // With room for no entry there is a segment for each batch.
    config_.index_bytes_max = 4;
    EXPECT_EQ(append(2000), 3U);
    EXPECT_EQ(append(2000), 4U);
}

}  // namespace
}  // namespace ottla::broker::log
