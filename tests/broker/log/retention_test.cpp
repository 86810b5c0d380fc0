// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/log.hpp"
#include "broker/log/memory_disk.hpp"
#include "broker/log/segment_files.hpp"
#include "tests/broker/log/batches.hpp"

namespace ottla::broker::log {
namespace {

using testing::ElementsAre;
using testing::EndsWith;

const std::string retention_path = "/data/orders-0";
constexpr std::size_t all_of_them = 1000;

// Segments of two batches with ten records each: offsets 0, 20, 40 … and times 1000, 1100, … by batch.
class Retention : public testing::Test {
protected:
    Retention() {
        EXPECT_TRUE(disk_.make_directory("/data"));
        EXPECT_TRUE(disk_.sync_directory("/"));
        config_.segment_bytes = 2 * batch_of(10, 100).size();
        log_ = Log::create(disk_, retention_path, config_, Uuid{}).value();
        for (int i = 0; i < 9; ++i) append(1000 + 100 * i);
    }
    void append(std::int64_t time) { ASSERT_TRUE(log_->append(batch_of(10, 100, time).span(), {})); }
    void open(Log::OpenOptions options) {
        log_.reset();
        log_ = Log::open(disk_, retention_path, config_, options).value();
    }
    RetentionRules rules() const {
        RetentionRules rules;
        rules.high_watermark = log_->end().offset;
        return rules;
    }
    std::vector<std::string> names_with(std::string_view suffix) {
        std::vector<std::string> names;
        for (const auto& entry : disk_.list(retention_path).value())
            if (entry.name.ends_with(suffix)) names.push_back(entry.name);
        return names;
    }
    std::vector<std::int64_t> bases() { return list_log_files(disk_, retention_path).value().segments; }
    Result<ReadPlan> plan(std::int64_t offset) { return log_->plan_read(offset, 1, log_->end()); }

    MemoryDisk disk_;
    LogConfig config_;
    std::unique_ptr<Log> log_;
};

TEST_F(Retention, goes_by_time_of_the_newest_record_in_a_segment) {
    auto by = rules();
    EXPECT_EQ(log_->start_by(by), 0);
    by.expired_before_ms = 1100;  // the newest of the first segment is of 1100: not before
    EXPECT_EQ(log_->start_by(by), 0);
    by.expired_before_ms = 1101;
    EXPECT_EQ(log_->start_by(by), 20);
    by.expired_before_ms = 1400;
    EXPECT_EQ(log_->start_by(by), 40);
    by.expired_before_ms = 1'000'000;
    EXPECT_EQ(log_->start_by(by), 90);
    by.high_watermark = 59;  // nothing that is not replicated yet
    EXPECT_EQ(log_->start_by(by), 40);
}

TEST_F(Retention, goes_by_size_of_what_is_left) {
    auto by = rules();
    by.bytes_max = log_->bytes();
    EXPECT_EQ(log_->start_by(by), 0);
    by.bytes_max = log_->bytes() - config_.segment_bytes + 1;
    EXPECT_EQ(log_->start_by(by), 0);
    by.bytes_max = log_->bytes() - config_.segment_bytes;
    EXPECT_EQ(log_->start_by(by), 20);
    by.bytes_max = 0;
    EXPECT_EQ(log_->start_by(by), 90);
}

TEST_F(Retention, a_start_within_a_segment_hides_what_lies_before_it) {
    log_->advance_start(25);
    EXPECT_EQ(log_->start_offset(), 25);
    EXPECT_EQ(plan(24).error(), ErrorCode::offset_out_of_range);
    EXPECT_TRUE(plan(25));
    log_->advance_start(10);
    EXPECT_EQ(log_->start_offset(), 25);
    EXPECT_EQ(log_->start_by(rules()), 25);
    // Searches by time do not look there either.
    EXPECT_EQ(log_->plan_time(0, log_->end()).run().value()->offset, 25);
    const auto retired = log_->retire(25, all_of_them).value();
    EXPECT_THAT(bases(), ElementsAre(20, 40, 60, 80));
    EXPECT_EQ(retired.bytes, config_.segment_bytes);
}

TEST_F(Retention, files_stay_under_another_name_until_they_are_removed) {
    const ReadPlan old_reader = plan(0).value();
    log_->advance_start(40);
    const auto retired = log_->retire(40, all_of_them).value();
    EXPECT_THAT(names_with(".log"), ElementsAre(EndsWith("40.log"), EndsWith("60.log"), EndsWith("80.log")));
    EXPECT_THAT(names_with(".log.deleted"), ElementsAre(EndsWith("00.log.deleted"), EndsWith("20.log.deleted")));
    EXPECT_THAT(names_with(".snapshot"),
                ElementsAre(EndsWith("40.snapshot"), EndsWith("60.snapshot"), EndsWith("80.snapshot")));
    ASSERT_TRUE(retired.remove(disk_));
    EXPECT_TRUE(names_with(".deleted").empty());
    ASSERT_TRUE(retired.remove(disk_));
    // Who began to read before still can.
    EXPECT_GT(old_reader.run().value().range.read().value().size(), 0U);
}

TEST_F(Retention, a_start_that_is_not_written_down_keeps_the_files) {
    log_->advance_start(60);
    EXPECT_TRUE(log_->retire(0, all_of_them).value().empty());
    EXPECT_FALSE(log_->retire(40, 1).value().empty());
    EXPECT_THAT(bases(), ElementsAre(20, 40, 60, 80));
}

TEST_F(Retention, everything_may_go_and_the_log_goes_on) {
    log_->advance_start(90);
    EXPECT_FALSE(log_->retire(90, all_of_them).value().empty());
    EXPECT_THAT(bases(), ElementsAre(90));
    EXPECT_EQ(log_->start_offset(), 90);
    EXPECT_TRUE(log_->retire(90, all_of_them).value().empty());  // an empty segment stays
    append(5000);
    EXPECT_EQ(log_->end().offset, 100);
    for (const bool clean : {true, false}) {
        ASSERT_TRUE(clean ? log_->close() : log_->sync());
        open({clean, 0, 90, {}});
        EXPECT_EQ(log_->start_offset(), 90);
        EXPECT_EQ(log_->end().offset, 100);
        EXPECT_TRUE(names_with(".deleted").empty());
    }
}

TEST_F(Retention, leader_epochs_begin_where_the_log_does) {
    log_->begin_epoch(3);
    append(5000);
    EXPECT_EQ(log_->epochs().entries().size(), 2U);
    log_->advance_start(30);
    EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochEntry{0, 30}, EpochEntry{3, 90}));
    log_->advance_start(95);
    EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochEntry{3, 95}));
}

TEST_F(Retention, a_log_that_lost_everything_begins_at_its_start) {
    ASSERT_TRUE(log_->truncate_to(30));
    ASSERT_TRUE(log_->sync());
    open({false, 0, 70, {}});
    EXPECT_EQ(log_->start_offset(), 70);
    EXPECT_EQ(log_->end().offset, 70);
    append(5000);
    EXPECT_EQ(log_->end().offset, 80);
}

// The names that changed may come back in any combination.
TEST_F(Retention, a_power_cut_leaves_no_hole) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        MemoryDisk disk;
        ASSERT_TRUE(disk.make_directory("/data"));
        ASSERT_TRUE(disk.sync_directory("/"));
        auto log = Log::create(disk, retention_path, config_, Uuid{}).value();
        for (int i = 0; i < 9; ++i) ASSERT_TRUE(log->append(batch_of(10, 100).span(), {}));
        ASSERT_TRUE(log->sync());
        log->advance_start(65);
        const auto retired = log->retire(65, all_of_them).value();
        if (seed % 2 == 1) {
            ASSERT_TRUE(retired.remove(disk));
        }
        base::Random random(seed);
        disk.crash(random);
        log = Log::open(disk, retention_path, config_, {false, 0, 65, {}}).value();
        ASSERT_EQ(log->start_offset(), 65);
        ASSERT_EQ(log->end().offset, 90);
        ASSERT_EQ(list_log_files(disk, retention_path).value().segments, (std::vector<std::int64_t>{60, 80}));
    }
}

}  // namespace
}  // namespace ottla::broker::log
