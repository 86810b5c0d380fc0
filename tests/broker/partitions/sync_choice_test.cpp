// SPDX-License-Identifier: Apache-2.0
#include "broker/log/sync_choice.hpp"

#include <gtest/gtest.h>

namespace ottla::broker::log {
namespace {

using namespace std::chrono_literals;

// A disk on which a file takes so long, and its file system so long.
struct Disk {
    base::Duration file = 100us;
    base::Duration file_system = 250us;
    SyncChoice choice;
    base::TimePoint now{};

    // One group of so many files: whether they were synced together.
    bool sync(std::size_t files) {
        const bool together = choice.together(files, now);
        const auto took = together ? file_system : file * static_cast<std::int64_t>(files);
        now += took;
        choice.took(together, files, took, now);
        return together;
    }
    // Of so many groups.
    int together(int groups, std::size_t files) {
        int count = 0;
        for (int i = 0; i < groups; ++i) count += sync(files) ? 1 : 0;
        return count;
    }
};

TEST(SyncChoice, many_go_together_once_it_is_known_what_they_take_one_by_one) {
    Disk disk;
    EXPECT_FALSE(disk.sync(6));
    EXPECT_EQ(disk.together(1000, 6), 1000);
}

TEST(SyncChoice, one_alone_never_does) {
    Disk disk;
    EXPECT_EQ(disk.together(10, 1), 0);
    disk.sync(6);
    EXPECT_EQ(disk.together(10, 1), 0);
    EXPECT_TRUE(disk.sync(6));
}

TEST(SyncChoice, what_they_take_one_by_one_is_measured_again_from_time_to_time) {
    Disk disk;
    disk.sync(6);
    const auto began = disk.now;
    int alone = 0;
    while (disk.now - began < 100s) alone += disk.sync(6) ? 0 : 1;
    EXPECT_NEAR(alone, 100, 2);
}

// A start has kept the disk busy when it was first measured.
TEST(SyncChoice, a_first_measure_that_was_far_off_is_forgotten) {
    Disk disk;
    disk.file = 100ms;
    disk.sync(2);
    disk.file = 300us;
    disk.file_system = 50ms;
    const auto began = disk.now;
    while (disk.now - began < 200s) disk.sync(2);
    EXPECT_LE(disk.together(100'000, 2), 3);
}

TEST(SyncChoice, small_groups_and_large_ones_are_measured_apart) {
    Disk disk;
    disk.file_system = 400us;
    int large = 0, small = 0;
    for (int i = 0; i < 1000; ++i) {
        large += disk.sync(60) ? 1 : 0;
        small += disk.sync(2) ? 1 : 0;
    }
    EXPECT_GT(large, 990);
    EXPECT_LT(small, 20);
}

TEST(SyncChoice, one_slow_sync_is_not_enough_to_turn_away) {
    Disk disk;
    disk.together(50, 6);
    disk.file_system = 50ms;
    EXPECT_TRUE(disk.sync(6));
    disk.file_system = 250us;
    EXPECT_EQ(disk.together(10, 6), 10);
}

TEST(SyncChoice, one_very_slow_sync_is_and_for_long) {
    Disk disk;
    disk.together(50, 6);
    disk.file_system = 30s;
    EXPECT_TRUE(disk.sync(6));
    const auto until = disk.now + 30min;
    while (disk.now < until) ASSERT_FALSE(disk.sync(6));
}

// How often it is tried, a try apart from the other by 1, 2, 4, … and then every 64 s.
TEST(SyncChoice, where_others_write_much_it_is_tried_more_and_more_rarely) {
    Disk disk;
    disk.together(50, 6);
    disk.file_system = 10ms;
    for (int i = 0; disk.sync(6); ++i) ASSERT_LT(i, 10);
    const auto began = disk.now;
    int tries = 0;
    while (disk.now - began < 10min) tries += disk.sync(6) ? 1 : 0;
    EXPECT_GE(tries, 10);
    EXPECT_LE(tries, 16);
}

TEST(SyncChoice, when_they_have_stopped_it_is_quick_again) {
    Disk disk;
    disk.together(50, 6);
    disk.file_system = 10ms;
    const auto busy_until = disk.now + 10min;
    while (disk.now < busy_until) disk.sync(6);
    disk.file_system = 250us;
    const auto began = disk.now;
    while (!disk.sync(6)) ASSERT_LT(disk.now - began, 65s);
    EXPECT_GE(disk.together(1000, 6), 999);
    // And the next time they write it begins with a second again.
    disk.file_system = 10ms;
    for (int i = 0; disk.sync(6); ++i) ASSERT_LT(i, 10);
    const auto paused = disk.now;
    while (!disk.sync(6)) ASSERT_LT(disk.now - paused, 2s);
}

TEST(SyncChoice, a_disk_that_has_become_slow_for_files_too_is_found_out) {
    Disk disk;
    disk.together(50, 6);
    disk.file *= 20;
    disk.file_system *= 20;
    for (int i = 0; disk.sync(6); ++i) ASSERT_LT(i, 100);
    const auto began = disk.now;
    while (disk.now - began < 10s) disk.sync(6);
    EXPECT_GE(disk.together(1000, 6), 980);
}

}  // namespace
}  // namespace ottla::broker::log
