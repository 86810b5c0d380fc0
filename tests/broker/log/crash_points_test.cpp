// SPDX-License-Identifier: Apache-2.0
// The machine stops after every single write, sync and change of a name of a workload of 200 operations, with the
// unsynced part lost or torn. What was synced must be there, what is there must be a prefix of what was written, and
// opening it once more must change nothing.
#include <gtest/gtest.h>

#include "broker/log/log.hpp"
#include "broker/log/memory_disk.hpp"
#include "tests/broker/log/batches.hpp"
#include "tests/support/share.hpp"

namespace ottla::broker::log {
namespace {

constexpr int operations = 200;
const std::string log_path = "/data/orders-0";

class Workload {
public:
    Workload(MemoryDisk& disk, std::uint64_t seed) : disk_(disk), random_(seed) { config_.segment_bytes = 2000; }

    // Until the machine stops, or to its end.
    void run() {
        auto created = Log::create(disk_, log_path, config_, Uuid{});
        if (!created) return;
        log_ = std::move(*created);
        for (int i = 0; i < operations && step(); ++i) {
        }
    }

    const std::vector<std::string>& written() const { return written_; }  // the last one perhaps only in part
    std::size_t synced() const { return synced_; }
    const LogConfig& config() const { return config_; }

private:
    bool step() {
        const auto dice = random_.below(10);
        if (dice < 6) return append(1);
        if (dice == 6) return append(3 + random_.below(6));
        if (dice == 7) {
            log_->begin_epoch(++epoch_);
            return true;
        }
        return sync();
    }

    bool append(std::uint64_t batches) {
        Buffer bytes;
        for (std::uint64_t b = 0; b < batches; ++b) {
            std::vector<TestRecord> records;
            for (std::uint64_t r = 0; r <= random_.below(3); ++r) {
                written_.push_back(std::to_string(written_.size()) + std::string(random_.below(600), 'x'));
                records.push_back({1000, written_.back()});
            }
            bytes.append(batch_of(records).span());
        }
        return log_->append(bytes.span(), {Origin::client, epoch_, {}}).has_value();
    }

    bool sync() {
        if (!log_->sync()) return false;
        EXPECT_EQ(log_->synced().offset, static_cast<std::int64_t>(written_.size()));
        synced_ = written_.size();
        return true;
    }

    MemoryDisk& disk_;
    base::Random random_;
    LogConfig config_;
    std::unique_ptr<Log> log_;
    std::int32_t epoch_ = 0;
    std::vector<std::string> written_;
    std::size_t synced_ = 0;
};

struct Recovered {
    LogPosition end;
    std::vector<std::string> values;
    std::vector<EpochEntry> epochs;
    friend bool operator==(const Recovered&, const Recovered&) = default;
};

Recovered recover(MemoryDisk& disk, const LogConfig& config) {
    Recovered recovered;
    if (!disk.exists(log_path).value()) return recovered;
    const auto log = Log::open(disk, log_path, config, {}).value();
    recovered.end = log->end();
    recovered.epochs = log->epochs().entries();
    std::int64_t offset = log->start_offset();
    while (offset < log->end().offset) {
        const auto slice = log->plan_read(offset, 1, log->end()).value().run().value();
        const Bytes bytes = slice.range.read().value();
        for (auto& value : values_in(bytes)) recovered.values.push_back(std::move(value));
        offset = protocol::RecordBatchHeader::read(bytes.data()).next_offset();
    }
    return recovered;
}

void check(const Workload& workload, const Recovered& recovered) {
    const auto& written = workload.written();
    ASSERT_GE(recovered.values.size(), workload.synced());
    ASSERT_LE(recovered.values.size(), written.size());
    for (std::size_t i = 0; i < recovered.values.size(); ++i) ASSERT_EQ(recovered.values[i], written[i]);
    ASSERT_EQ(recovered.end.offset, static_cast<std::int64_t>(recovered.values.size()));
}

std::uint64_t changes_of_whole_run(std::uint64_t seed) {
    MemoryDisk disk;
    EXPECT_TRUE(disk.make_directory("/data"));
    const auto before = disk.changes();
    Workload workload(disk, seed);
    workload.run();
    EXPECT_GT(workload.written().size(), 200U);
    return disk.changes() - before;
}

class CrashPoints : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, CrashPoints, testing::Values(1, 2, 3));

TEST_P(CrashPoints, what_was_synced_is_there_and_nothing_else_than_a_prefix) {
    const auto points = changes_of_whole_run(GetParam());
    ASSERT_GT(points, 300U);
    for (std::uint64_t point = 0; point <= points; point += test::share(1, 1, 8)) {
        SCOPED_TRACE("stopped after change " + std::to_string(point));
        MemoryDisk disk;
        ASSERT_TRUE(disk.make_directory("/data"));
        ASSERT_TRUE(disk.sync_directory("/"));
        disk.stop_after(point);
        Workload workload(disk, GetParam());
        workload.run();
        base::Random random(point * 1000 + GetParam());
        disk.crash(random);
        const Recovered first = recover(disk, workload.config());
        check(workload, first);
        if (testing::Test::HasFatalFailure()) return;
        // What recovery found is on disk from then on: a second power cut takes nothing of it.
        disk.crash(random);
        ASSERT_EQ(recover(disk, workload.config()), first);
    }
}

TEST(CrashPoints, a_stop_within_recovery_harms_nothing) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        for (std::uint64_t point = 0; point < 12; ++point) {
            MemoryDisk disk;
            ASSERT_TRUE(disk.make_directory("/data"));
            ASSERT_TRUE(disk.sync_directory("/"));
            base::Random random(seed);
            disk.stop_after(100 + random.below(200));
            Workload workload(disk, seed);
            workload.run();
            disk.crash(random);
            disk.stop_after(point);
            (void)Log::open(disk, log_path, workload.config(), {});
            disk.crash(random);
            check(workload, recover(disk, workload.config()));
            if (testing::Test::HasFatalFailure()) return;
        }
    }
}

TEST(CrashPoints, a_killed_process_loses_nothing_written) {
    const auto points = changes_of_whole_run(7);
    for (std::uint64_t point = 20; point <= points; point += 7) {
        MemoryDisk disk;
        ASSERT_TRUE(disk.make_directory("/data"));
        disk.stop_after(point);
        Workload workload(disk, 7);
        workload.run();
        disk.restart();
        check(workload, recover(disk, workload.config()));
        if (testing::Test::HasFatalFailure()) return;
    }
}

}  // namespace
}  // namespace ottla::broker::log
