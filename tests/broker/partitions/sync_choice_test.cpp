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

TEST(SyncChoice, one_slow_sync_is_not_enough_to_turn_away) {
    Disk disk;
    disk.together(100, 6);
    disk.file_system = 1s;
    EXPECT_TRUE(disk.sync(6));
    disk.file_system = 250us;
    EXPECT_EQ(disk.together(100, 6), 100);
}

TEST(SyncChoice, where_others_write_much_it_is_tried_more_and_more_rarely) {
    Disk disk;
    disk.together(100, 6);
    disk.file_system = 10ms;
    while (disk.sync(6)) EXPECT_LT(disk.now.time_since_epoch(), 1s);
    // What is given away: tries after 1, 2, 4, … and then every 64 s.
    const auto began = disk.now;
    int tries = 0;
    while (disk.now - began < 10min) tries += disk.sync(6) ? 1 : 0;
    EXPECT_GE(tries, 10);
    EXPECT_LE(tries, 16);
}

TEST(SyncChoice, when_they_have_stopped_it_is_quick_again) {
    Disk disk;
    disk.together(100, 6);
    disk.file_system = 10ms;
    const auto busy_until = disk.now + 10min;
    while (disk.now < busy_until) disk.sync(6);
    disk.file_system = 250us;
    const auto began = disk.now;
    while (!disk.sync(6)) EXPECT_LT(disk.now - began, 65s);
    EXPECT_EQ(disk.together(1000, 6), 1000);
    // And the next time they write it begins with a second again.
    disk.file_system = 10ms;
    while (disk.sync(6)) EXPECT_LT(disk.now - began, 70s);
    const auto paused = disk.now;
    while (!disk.sync(6)) EXPECT_LT(disk.now - paused, 2s);
}

TEST(SyncChoice, a_disk_that_has_become_slow_for_files_too_is_found_out) {
    Disk disk;
    disk.together(100, 6);
    disk.file *= 20;
    disk.file_system *= 20;
    const auto began = disk.now;
    while (disk.sync(6)) EXPECT_LT(disk.now - began, 1s);
    while (!disk.sync(6)) EXPECT_LT(disk.now - began, 3s);
    EXPECT_EQ(disk.together(1000, 6), 1000);
}

}  // namespace
}  // namespace ottla::broker::log
