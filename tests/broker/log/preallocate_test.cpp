// SPDX-License-Identifier: Apache-2.0
// Segments whose file is as long as the segment may get: zeros follow the batches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "broker/log/log.hpp"
#include "broker/log/memory_disk.hpp"
#include "tests/broker/log/batches.hpp"

namespace ottla::broker::log {
namespace {

using testing::IsEmpty;

class Preallocate : public testing::Test {
protected:
    static constexpr std::uint64_t segment_bytes = 1000;

    Preallocate() {
        config_.preallocate = true;
        config_.segment_bytes = segment_bytes;
        EXPECT_TRUE(make_durable_directory(disk_, "/data"));
        log_ = Log::create(disk_, "/data/orders-0", config_, Uuid{}).value();
    }
    void append(int batches) {
        for (int i = 0; i < batches; ++i) ASSERT_TRUE(log_->append(batch_of(1, 200).span(), {}));
    }
    // What is said louder than for information.
    std::vector<std::string> open(bool clean, std::int64_t recovery_point = 0) {
        std::vector<std::string> warnings;
        Log::OpenOptions options;
        options.clean = clean;
        options.recovery_point = recovery_point;
        options.messages = base::Log("log", base::LogLevel::warn,
                                     [&](auto, auto, std::string_view text) { warnings.emplace_back(text); });
        log_ = Log::open(disk_, "/data/orders-0", config_, options).value();
        return warnings;
    }
    std::uint64_t file_size(std::int64_t base) {
        return disk_.open("/data/orders-0/" + segment_name(base)).value()->size().value();
    }

    MemoryDisk disk_;
    LogConfig config_;
    std::unique_ptr<Log> log_;
};

TEST_F(Preallocate, a_segment_is_long_until_it_ends) {
    EXPECT_EQ(file_size(0), segment_bytes);
    append(3);
    EXPECT_EQ(file_size(0), segment_bytes);
    EXPECT_EQ(log_->plan_read(3, 1U << 20, log_->end()).value().run().value().range.length, 0U);
    append(1);
    EXPECT_EQ(log_->segment_count(), 2U);
    EXPECT_EQ(file_size(0), 3 * batch_of(1, 200).size());
    EXPECT_EQ(file_size(3), segment_bytes);
    ASSERT_TRUE(log_->close());
    EXPECT_EQ(file_size(3), batch_of(1, 200).size());
    EXPECT_THAT(open(true), IsEmpty());
    EXPECT_EQ(log_->end().offset, 4);
}

TEST_F(Preallocate, zeros_are_where_the_log_ends) {
    append(5);
    ASSERT_TRUE(log_->sync());
    for (int i = 0; i < 2; ++i) {
        EXPECT_THAT(open(false), IsEmpty());
        EXPECT_EQ(log_->end().offset, 5);
        EXPECT_EQ(file_size(3), 2 * batch_of(1, 200).size());
    }
    append(3);
    EXPECT_EQ(log_->end().offset, 8);
}

TEST_F(Preallocate, zeros_in_the_middle_lose_nothing_that_follows) {
    append(5);
    ASSERT_TRUE(log_->sync());
    ASSERT_TRUE(disk_.open("/data/orders-0/" + segment_name(0)).value()->truncate(segment_bytes));
    EXPECT_THAT(open(false), IsEmpty());
    EXPECT_EQ(log_->end().offset, 5);
    EXPECT_EQ(log_->segment_count(), 2U);
}

// It gave its room back when it ended, and the recovery point went on before that was on stable storage.
TEST_F(Preallocate, zeros_below_the_recovery_point_lose_nothing_that_follows) {
    append(5);
    ASSERT_TRUE(log_->sync());
    for (const bool clean : {false, true}) {
        ASSERT_TRUE(log_->close());
        ASSERT_TRUE(disk_.open("/data/orders-0/" + segment_name(0)).value()->truncate(segment_bytes));
        EXPECT_EQ(open(clean, 3).size(), 1U) << "new indexes";
        EXPECT_EQ(log_->end().offset, 5);
        EXPECT_EQ(log_->segment_count(), 2U);
        EXPECT_EQ(file_size(0), 3 * batch_of(1, 200).size());
        EXPECT_THAT(open(clean, 3), IsEmpty());
    }
}

TEST_F(Preallocate, after_a_power_cut_what_was_synced_is_there) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        append(static_cast<int>(seed % 4));
        ASSERT_TRUE(log_->sync());
        const auto synced = log_->end().offset;
        append(static_cast<int>(seed % 7));
        const auto written = log_->end().offset;
        base::Random random(seed);
        log_.reset();
        disk_.crash(random);
        open(false);
        EXPECT_GE(log_->end().offset, synced) << seed;
        EXPECT_LE(log_->end().offset, written) << seed;
        const auto end = log_->end();
        EXPECT_THAT(open(false), IsEmpty());
        EXPECT_EQ(log_->end(), end);
    }
}

}  // namespace
}  // namespace ottla::broker::log
