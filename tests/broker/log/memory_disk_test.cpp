// SPDX-License-Identifier: Apache-2.0
// What a power cut and scripted faults do to a MemoryDisk.
#include "broker/log/memory_disk.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ottla::broker::log {
namespace {

using Kind = MemoryDisk::Kind;
using Fault = MemoryDisk::Fault;

TEST(MemoryDisk, a_crash_keeps_what_was_synced) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        MemoryDisk disk;
        auto file = disk.create("/a").value();
        ASSERT_TRUE(file->write_at(0, as_bytes(std::string(2000, 'a'))));
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(disk.sync_directory("/"));
        ASSERT_TRUE(file->write_at(2000, as_bytes(std::string(3000, 'b'))));
        base::Random random(seed);
        disk.crash(random);
        EXPECT_EQ(read_text(disk, "/a").value().substr(0, 2000), std::string(2000, 'a'));
    }
}

TEST(MemoryDisk, a_crash_loses_and_tears_what_was_not_synced) {
    std::set<std::string> outcomes;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        MemoryDisk disk;
        auto file = disk.create("/a").value();
        ASSERT_TRUE(disk.sync_directory("/"));
        ASSERT_TRUE(file->write_at(0, as_bytes(std::string(1024, 'a'))));
        base::Random random(seed);
        disk.crash(random);
        outcomes.insert(read_text(disk, "/a").value());
    }
    const std::string zeros(512, '\0');
    const std::string written(512, 'a');
    EXPECT_TRUE(outcomes.contains(""));
    EXPECT_TRUE(outcomes.contains(written + written));
    EXPECT_TRUE(outcomes.contains(zeros + written));
    EXPECT_TRUE(outcomes.contains(written + zeros));
    EXPECT_GT(outcomes.size(), 10U);  // sizes in between
}

TEST(MemoryDisk, a_crash_may_bring_overwritten_and_cut_bytes_back) {
    std::set<std::string> outcomes;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        MemoryDisk disk;
        auto file = disk.create("/a").value();
        ASSERT_TRUE(file->write_at(0, as_bytes("0123456789")));
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(disk.sync_directory("/"));
        ASSERT_TRUE(file->write_at(2, as_bytes("ab")));
        ASSERT_TRUE(file->truncate(3));
        ASSERT_TRUE(file->write_at(3, as_bytes("XY")));
        ASSERT_TRUE(file->write_at(3, as_bytes("Z")));
        base::Random random(seed);
        disk.crash(random);
        outcomes.insert(read_text(disk, "/a").value());
    }
    EXPECT_TRUE(outcomes.contains("0123456789"));
    EXPECT_TRUE(outcomes.contains("01aZY"));
    EXPECT_TRUE(outcomes.contains("01234"));
}

TEST(MemoryDisk, a_sync_of_the_file_system_is_one_of_everything) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        MemoryDisk disk;
        const auto whole = disk.file_system_sync("/");
        ASSERT_TRUE(disk.make_directory("/d/e"));
        auto file = disk.create("/d/e/a").value();
        ASSERT_TRUE(file->write_at(0, as_bytes(std::string(2000, 'a'))));
        ASSERT_TRUE(disk.create("/b"));
        ASSERT_TRUE(disk.rename("/b", "/d/b"));
        disk.fail_nth(Kind::sync_file_system, 2);
        ASSERT_TRUE(whole->sync({}));
        ASSERT_TRUE(file->write_at(0, as_bytes("b")));
        EXPECT_EQ(whole->sync({}).error(), ErrorCode::file_system);
        base::Random random(seed);
        disk.crash(random);
        EXPECT_EQ(read_text(disk, "/d/e/a").value().substr(1), std::string(1999, 'a'));
        EXPECT_FALSE(disk.exists("/b").value());
        EXPECT_TRUE(disk.exists("/d/b").value());
        EXPECT_EQ(whole->sync({}).error(), ErrorCode::file_system);
        EXPECT_TRUE(disk.file_system_sync("/")->sync({}));
    }
}

TEST(MemoryDisk, names_are_safe_after_their_directory_is_synced) {
    bool lost = false;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        MemoryDisk disk;
        ASSERT_TRUE(disk.make_directory("/d"));
        ASSERT_TRUE(disk.create("/d/safe").value()->sync());
        ASSERT_TRUE(disk.sync_directory("/d"));
        ASSERT_TRUE(disk.sync_directory("/"));
        ASSERT_TRUE(disk.create("/d/not-safe").value()->sync());
        base::Random random(seed);
        disk.crash(random);
        EXPECT_TRUE(disk.exists("/d/safe").value());
        lost |= !disk.exists("/d/not-safe").value();
    }
    EXPECT_TRUE(lost);
}

TEST(MemoryDisk, a_replaced_text_is_old_or_new_at_every_stop) {
    for (std::uint64_t stop = 0; stop < 5; ++stop) {
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            MemoryDisk disk;
            ASSERT_TRUE(replace_text(disk, "/t", "old"));
            disk.stop_after(stop);
            const bool done = replace_text(disk, "/t", "the new text").has_value();
            base::Random random(seed);
            disk.crash(random);
            const auto text = read_text(disk, "/t").value();
            EXPECT_TRUE(text == "the new text" || (text == "old" && !done)) << text;
        }
    }
}

TEST(MemoryDisk, open_files_and_locks_die_with_the_machine) {
    MemoryDisk disk;
    auto file = disk.create("/a").value();
    ASSERT_TRUE(file->write_at(0, as_bytes("kept")));
    auto held = disk.lock("/.lock");
    ASSERT_TRUE(held);
    disk.restart();
    EXPECT_FALSE(file->write_at(0, as_bytes("x")));
    EXPECT_FALSE(file->sync());
    EXPECT_TRUE(disk.lock("/.lock"));
    EXPECT_EQ(read_text(disk, "/a").value(), "kept");
}

TEST(MemoryDisk, faults_are_scripted) {
    MemoryDisk disk;
    auto file = disk.create("/a").value();
    disk.fail_nth(Kind::sync, 2);
    EXPECT_TRUE(file->sync());
    EXPECT_EQ(file->sync().error(), ErrorCode::file_system);
    EXPECT_TRUE(file->sync());

    disk.fail_nth(Kind::write, 1, Fault::torn);
    EXPECT_EQ(file->write_at(0, as_bytes("12345678")).error(), ErrorCode::file_system);
    EXPECT_EQ(file->size().value(), 4U);
    disk.fail_nth(Kind::write, 1, Fault::full);
    EXPECT_EQ(file->write_at(0, as_bytes("12345678")).error(), ErrorCode::storage_full);
    EXPECT_EQ(file->size().value(), 4U);
}

TEST(MemoryDisk, has_a_size) {
    MemoryDisk disk;
    disk.set_capacity(10);
    auto file = disk.create("/a").value();
    ASSERT_TRUE(file->write_at(0, as_bytes("123456")));
    EXPECT_EQ(disk.free_bytes("/").value(), 4U);
    EXPECT_EQ(disk.total_bytes("/").value(), 10U);
    EXPECT_EQ(file->write_at(6, as_bytes("789012")).error(), ErrorCode::storage_full);
    EXPECT_EQ(file->size().value(), 10U);
    ASSERT_TRUE(file->truncate(6));
    EXPECT_TRUE(file->write_at(0, as_bytes("abcdef")));
    ASSERT_TRUE(disk.remove("/a"));
    EXPECT_EQ(disk.free_bytes("/").value(), 10U);
}

TEST(MemoryDisk, keeps_a_directory_that_was_made_durable_with_its_parents) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        MemoryDisk disk;
        base::Random random(seed);
        ASSERT_TRUE(make_durable_directory(disk, "/var/lib/ottla"));
        ASSERT_TRUE(replace_text(disk, "/var/lib/ottla/meta.properties", "cluster.id=x"));
        disk.crash(random);
        const auto text = read_text(disk, "/var/lib/ottla/meta.properties");
        ASSERT_TRUE(text.has_value());
        EXPECT_EQ(*text, "cluster.id=x");
        EXPECT_TRUE(make_durable_directory(disk, "/var/lib/ottla"));
    }
}

}  // namespace
}  // namespace ottla::broker::log
