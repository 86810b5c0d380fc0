// SPDX-License-Identifier: Apache-2.0
// The machine stops after every single write, sync and change of a name of a workload of 200 operations of all kinds:
// appends with and without producers, transactions and markers, rolls, syncs, retention, DeleteRecords, compaction,
// snapshots of producers, checkpoints, stops in order. What was not synced is lost or torn, or only the process is
// gone. What was promised is there, what is there was written and has no hole, and opening it again changes nothing.
#include <algorithm>
#include <iostream>

#include <gtest/gtest.h>

#include "tests/broker/log/random_log.hpp"
#include "tests/support/share.hpp"

namespace ottla::broker::log {
namespace {

constexpr int crash_operations = 200;

// Until the machine stops, or to the end.
void run_workload(RandomLog& log) {
    if (!log.create()) return;
    for (int i = 0; i < crash_operations && log.step(); ++i) {
    }
}

enum class Stop : std::uint8_t { power_lost, power_lost_twice, killed };

Stop stop_at(std::uint64_t point) {
    return point % 5 == 4 ? Stop::killed : point % 2 == 1 ? Stop::power_lost_twice : Stop::power_lost;
}

void bring_down(MemoryDisk& disk, RandomLog& log, Stop stop, base::Random& random) {
    log.drop();
    if (stop == Stop::killed) return disk.restart();
    disk.crash(random);
    if (stop == Stop::power_lost) return;
    // Within recovery.
    disk.stop_after(random.below(20));
    static_cast<void>(log.open());
    log.drop();
    disk.crash(random);
}

void check_point(std::uint64_t seed, std::uint64_t point) {
    MemoryDisk disk;
    disk.stop_after(point);
    RandomLog log(disk, seed, seed % 2 == 1);
    run_workload(log);
    const Stop stop = stop_at(point);
    const std::int64_t appended = log.appended();
    base::Random random(point * 1000 + seed);
    bring_down(disk, log, stop, random);
    ASSERT_TRUE(log.open()) << log.why();
    log.check_recovered();
    if (testing::Test::HasFailure() || !log.exists()) return;
    ASSERT_TRUE(stop != Stop::killed || log.log().end().offset >= appended) << "a killed process loses nothing written";
    // What recovery found is on stable storage from then on.
    const LogContents found = contents_of(log.log()).value();
    const auto producers = log.log().producers().entries();
    const auto epochs = log.log().epochs().entries();
    log.drop();
    disk.crash(random);
    ASSERT_TRUE(log.open()) << log.why();
    ASSERT_EQ(contents_of(log.log()).value(), found);
    ASSERT_EQ(log.log().producers().entries(), producers);
    ASSERT_EQ(log.log().epochs().entries(), epochs);
    for (const auto& entry : disk.list(log.directory()).value())
        for (const auto suffix : {".cleaned", ".swap", ".deleted"})
            ASSERT_FALSE(entry.name.ends_with(suffix)) << entry.name;
    log.check_indexes();
    // It goes on as if nothing had been.
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(log.step()) << log.why();
    log.check();
}

class CrashPoints : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, CrashPoints, testing::Values(1, 2, 3, 4, 5, 6));

TEST_P(CrashPoints, what_was_promised_is_there_and_the_rest_was_written) {
    std::uint64_t points = 0;
    {
        MemoryDisk disk;
        RandomLog log(disk, GetParam(), GetParam() % 2 == 1);
        run_workload(log);
        ASSERT_EQ(log.why(), "");
        for (const auto& [what, times] : log.done()) EXPECT_GT(times, 3) << what;
        ASSERT_GT(log.clean_up_to(), 50);
        points = disk.changes();
    }
    ASSERT_GT(points, 600U);
    const std::uint64_t stride = test::share(1, 4, 24);
    std::uint64_t checked = 0;
    for (std::uint64_t point = GetParam() % stride; point <= points; point += stride, ++checked) {
        SCOPED_TRACE("stopped after change " + std::to_string(point));
        check_point(GetParam(), point);
        if (HasFailure()) return;
    }
    std::cout << "NOTE workload " << GetParam() << ": stopped at " << checked << " of " << points + 1
              << " changes of the disk\n";
}

}  // namespace
}  // namespace ottla::broker::log
