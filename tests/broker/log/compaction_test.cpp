// SPDX-License-Identifier: Apache-2.0
// Compaction against a naive one, over random logs: keyed records, tombstones, transactions, all codecs, several
// rounds, small maps; half of the logs are cut at their fronts as well. And single steps over a log of a few batches.
#include <iostream>
#include <map>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ottla/protocol/record_batch_builder.hpp>
#include "broker/log/segment_files.hpp"
#include "tests/broker/log/random_log.hpp"
#include "tests/support/share.hpp"

namespace ottla::broker::log {
namespace {

TEST(Compaction, leaves_what_a_naive_one_would) {
    const std::uint64_t logs = test::share(10'000, 600, 60);
    for (std::uint64_t seed = 0; seed < logs; ++seed) {
        SCOPED_TRACE(seed);
        MemoryDisk disk;
        RandomLog log(disk, seed, seed % 2 == 1);
        ASSERT_TRUE(log.create());
        for (int i = 0; i < 60; ++i) ASSERT_TRUE(log.step()) << log.why();
        ASSERT_TRUE(log.compact()) << log.why();
        log.check();
        if (seed % 8 == 0) log.check_indexes();
        if (HasFailure()) return;
    }
    std::cout << "NOTE " << logs << " random logs were compacted as a naive compaction would\n";
}

// A segment for every two batches, of one record each, whose time is 1000 and 100 more from one to the next.
class CompactionSteps : public testing::Test {
protected:
    static constexpr std::int64_t nobody = -1;

    void SetUp() override { begin(); }
    void begin() {
        log_.reset();
        disk_ = std::make_unique<MemoryDisk>();
        ASSERT_TRUE(disk_->make_directory("/data"));
        ASSERT_TRUE(disk_->sync_directory("/"));
        config_.segment_bytes = 300;
        log_ = Log::create(*disk_, path_, config_, Uuid{}).value();
        time_ = 1000;
    }
    void append(std::string_view key, std::int64_t producer = nobody, bool transactional = false) {
        protocol::RecordBatchBuilder builder{Buffer()};
        builder.append(time_ < 0 ? time_ : std::exchange(time_, time_ + 100), as_bytes(key),
                       as_bytes(std::string(60, 'x')));
        protocol::BatchStamp stamp;
        if (producer != nobody) {
            stamp.producer_id = producer;
            stamp.producer_epoch = 0;
            stamp.base_sequence = sequences_[producer]++;
            stamp.transactional = transactional;
        }
        ASSERT_TRUE(log_->append(builder.finish(stamp).span(), {}));
    }
    void abort(std::int64_t producer) {
        AppendOptions options;
        options.origin = Origin::coordinator;
        const auto marker = protocol::build_marker_batch(0, 0, time_, producer, 0, {false, 1});
        ASSERT_TRUE(log_->append(marker.span(), options));
    }
    Dirtiness dirt(std::int64_t checkpoint = 0, std::int64_t newer_than_ms = INT64_MAX) {
        CompactionLimits limits;
        limits.up_to = log_->end().offset;
        limits.newer_than_ms = newer_than_ms;
        return log_->dirtiness(checkpoint, limits);
    }
    // A round in which all segments become one, up to where its files wait for their places.
    CleanedGroup compact_until_committed() {
        EXPECT_TRUE(log_->sync());
        auto input = log_->begin_compaction(dirt());
        input.config.segment_bytes = 1U << 20;
        Compaction round(*disk_, std::move(input), {}, base::Random(1));
        while (true) {
            const auto progress = round.step(1000).value();
            if (progress == Compaction::Progress::more) continue;
            EXPECT_EQ(progress, Compaction::Progress::group_is_ready);
            EXPECT_TRUE(commit_cleaned(*disk_, path_, round.group()));
            return round.group();
        }
    }
    void compact_and_replace() {
        const auto group = compact_until_committed();
        auto cleaned = place_cleaned(*disk_, path_, group);
        ASSERT_TRUE(cleaned);
        log_->replace(group, std::move(*cleaned));
    }
    // Those that were compacted, and those that stay; with what is in them when it took their place.
    std::map<std::string, std::string> files() {
        std::map<std::string, std::string> found;
        for (const auto& entry : disk_->list(path_).value()) {
            const bool is_swap = entry.name.ends_with(".swap");
            if (!is_swap && !entry.name.ends_with(".log") && !entry.name.ends_with(".deleted")) continue;
            found[entry.name] = is_swap ? read_text(*disk_, join_path(path_, entry.name)).value() : "";
        }
        return found;
    }

    const std::string path_ = "/data/keyed-0";
    std::unique_ptr<MemoryDisk> disk_;
    LogConfig config_;
    std::unique_ptr<Log> log_;
    std::int64_t time_ = 1000;
    std::map<std::int64_t, std::int32_t> sequences_;
};

TEST_F(CompactionSteps, what_is_to_take_its_place_is_on_stable_storage_and_what_it_replaces_is_gone) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        begin();
        append("k", 7, true);
        abort(7);
        for (int i = 0; i < 8; ++i) append(i % 2 == 0 ? "k" : "l");
        const auto group = compact_until_committed();
        ASSERT_GT(group.bases.size(), 2U);
        ASSERT_TRUE(group.has_aborted);
        const auto before = files();
        ASSERT_TRUE(before.contains("00000000000000000000.txnindex.swap"));
        log_.reset();
        base::Random random(seed);
        disk_->crash(random);
        ASSERT_EQ(files(), before) << seed;
    }
}

TEST_F(CompactionSteps, behind_the_next_sync_a_start_has_nothing_to_finish) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        begin();
        for (int i = 0; i < 8; ++i) append("k");
        compact_and_replace();
        log_->end_compaction();
        ASSERT_TRUE(log_->sync());
        const auto before = files();
        log_.reset();
        base::Random random(seed);
        disk_->crash(random);
        ASSERT_EQ(files(), before) << seed;
    }
}

// Without a snapshot, as after Kafka's copies of a log, only the batches tell of it.
TEST_F(CompactionSteps, the_last_sequence_of_a_producer_is_known_when_its_records_are_gone) {
    append("k", 7);
    append("k", 7);
    for (int i = 0; i < 6; ++i) append("k");
    compact_and_replace();
    log_->end_compaction();
    const auto found = contents_of(*log_).value();
    EXPECT_EQ(found.find(0), nullptr);
    EXPECT_EQ(found.find(1), nullptr);
    ASSERT_TRUE(log_->sync());
    log_.reset();
    for (const auto at : list_log_files(*disk_, path_).value().snapshots)
        ASSERT_TRUE(disk_->remove(join_path(path_, segment_name(at, snapshot_suffix))));
    log_ = Log::open(*disk_, path_, config_, {}).value();
    const auto* producer = log_->producers().find(7);
    ASSERT_NE(producer, nullptr);
    EXPECT_EQ(producer->last_sequence, 1);
    EXPECT_EQ(producer->last_offset, 1);
}

TEST_F(CompactionSteps, a_checkpoint_behind_the_end_is_of_another_history) {
    for (int i = 0; i < 8; ++i) append("k");
    const auto all = dirt(0);
    ASSERT_TRUE(all.any());
    EXPECT_EQ(dirt(9).first_dirty, 0);
    EXPECT_EQ(dirt(9).dirty_bytes, all.dirty_bytes);
    EXPECT_EQ(dirt(4).first_dirty, 4);
    EXPECT_FALSE(dirt(8).any());
}

TEST_F(CompactionSteps, segments_with_a_young_record_stay_and_all_behind_them) {
    for (int i = 0; i < 8; ++i) append("k");
    EXPECT_EQ(dirt(0, 1299).up_to, 2);  // the second segment's last is of 1300
    EXPECT_EQ(dirt(0, 1300).up_to, 4);
    EXPECT_FALSE(dirt(0, 1099).any());
}

TEST_F(CompactionSteps, a_log_is_dirty_since_the_earliest_segment_that_has_a_time) {
    time_ = -1;
    for (int i = 0; i < 4; ++i) append("k");
    time_ = 1000;
    for (int i = 0; i < 6; ++i) append("k");
    EXPECT_EQ(log_->dirty_since(dirt(0)).value(), 1000);
    EXPECT_EQ(log_->dirty_since(dirt(6)).value(), 1200);
    Dirtiness without = dirt(0);
    without.up_to = 4;
    EXPECT_EQ(log_->dirty_since(without).value(), std::nullopt);
}

}  // namespace
}  // namespace ottla::broker::log
