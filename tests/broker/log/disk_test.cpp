// SPDX-License-Identifier: Apache-2.0
// What every Disk does, the real one and the one in memory alike.
#include "broker/log/disk.hpp"

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/memory_disk.hpp"
#include "broker/log/posix_disk.hpp"

namespace ottla::broker::log {
namespace {

using testing::ElementsAre;

class DiskTest : public testing::TestWithParam<bool> {
protected:
    DiskTest() {
        if (GetParam()) {
            std::string name = (std::filesystem::temp_directory_path() / "ottla-disk-XXXXXX").string();
            root_ = ::mkdtemp(name.data());
            disk_ = std::make_unique<PosixDisk>();
        } else {
            root_ = "/root";
            disk_ = std::make_unique<MemoryDisk>();
            EXPECT_TRUE(disk_->make_directory(root_));
        }
    }
    ~DiskTest() override {
        disk_.reset();
        if (GetParam()) std::filesystem::remove_all(root_);
    }

    std::string at(std::string_view name) const { return join_path(root_, name); }
    std::string text_of(const std::string& path) { return read_text(*disk_, path).value(); }

    std::string root_;
    std::unique_ptr<Disk> disk_;
};

INSTANTIATE_TEST_SUITE_P(Disks, DiskTest, testing::Bool(),
                         [](const auto& about) { return about.param ? "posix" : "memory"; });

TEST_P(DiskTest, reads_what_was_written) {
    auto file = disk_->create(at("a")).value();
    const std::vector<ByteSpan> pieces{as_bytes("hello"), as_bytes(""), as_bytes(", "), as_bytes("world")};
    ASSERT_TRUE(file->write_at(0, pieces));
    ASSERT_TRUE(file->write_at(7, as_bytes("W")));
    EXPECT_EQ(file->size().value(), 12U);
    EXPECT_EQ(text_of(at("a")), "hello, World");
    EXPECT_TRUE(file->sync());
}

TEST_P(DiskTest, reads_short_only_at_the_end) {
    auto file = disk_->create(at("a")).value();
    ASSERT_TRUE(file->write_at(0, as_bytes("12345678")));
    std::array<std::uint8_t, 6> out{};
    EXPECT_EQ(file->read_at(0, out).value(), 6U);
    EXPECT_EQ(file->read_at(5, out).value(), 3U);
    EXPECT_EQ(file->read_at(8, out).value(), 0U);
    EXPECT_EQ(file->read_at(100, out).value(), 0U);
    EXPECT_EQ(file->read_exactly(5, out).error(), ErrorCode::file_system);
}

TEST_P(DiskTest, writes_many_pieces_in_one_call) {
    std::string expected;
    std::vector<std::string> texts;
    for (int i = 0; i < 1000; ++i) texts.push_back(std::to_string(i) + ",");
    std::vector<ByteSpan> pieces;
    for (const auto& text : texts) {
        pieces.push_back(as_bytes(text));
        expected += text;
    }
    ASSERT_TRUE(disk_->create(at("a")).value()->write_at(0, pieces));
    EXPECT_EQ(text_of(at("a")), expected);
}

TEST_P(DiskTest, truncates_and_extends_with_zeros) {
    auto file = disk_->create(at("a")).value();
    ASSERT_TRUE(file->write_at(0, as_bytes("abcdef")));
    ASSERT_TRUE(file->truncate(2));
    ASSERT_TRUE(file->truncate(4));
    EXPECT_EQ(text_of(at("a")), std::string("ab\0\0", 4));
    ASSERT_TRUE(file->write_at(6, as_bytes("x")));
    EXPECT_EQ(text_of(at("a")), std::string("ab\0\0\0\0x", 7));
}

TEST_P(DiskTest, grows_over_chunks) {
    auto file = disk_->create(at("a")).value();
    const std::string block(100'000, 'b');
    std::string expected;
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(file->write_at(static_cast<std::uint64_t>(i) * block.size(), as_bytes(block)));
        expected += block;
    }
    ASSERT_TRUE(file->write_at(131'070, as_bytes("1234")));
    expected.replace(131'070, 4, "1234");
    EXPECT_EQ(text_of(at("a")), expected);
    ASSERT_TRUE(file->truncate(131'072));
    EXPECT_EQ(text_of(at("a")), expected.substr(0, 131'072));
}

TEST_P(DiskTest, creating_empties_and_opening_keeps) {
    ASSERT_TRUE(disk_->create(at("a")).value()->write_at(0, as_bytes("old")));
    EXPECT_EQ(disk_->open(at("a")).value()->size().value(), 3U);
    EXPECT_EQ(disk_->create(at("a")).value()->size().value(), 0U);
    EXPECT_EQ(disk_->open(at("missing")).error(), ErrorCode::file_system);
    EXPECT_FALSE(disk_->exists(at("missing")).value());
    EXPECT_FALSE(disk_->exists(at("a/below-a-file")).value());
    EXPECT_TRUE(disk_->exists(at("a")).value());
}

TEST_P(DiskTest, rename_replaces) {
    ASSERT_TRUE(disk_->create(at("a")).value()->write_at(0, as_bytes("new")));
    ASSERT_TRUE(disk_->create(at("b")).value()->write_at(0, as_bytes("old")));
    ASSERT_TRUE(disk_->rename(at("a"), at("b")));
    EXPECT_EQ(text_of(at("b")), "new");
    EXPECT_FALSE(disk_->exists(at("a")).value());
    EXPECT_FALSE(disk_->rename(at("a"), at("c")));
}

TEST_P(DiskTest, directories_are_made_listed_renamed_and_removed) {
    ASSERT_TRUE(disk_->make_directory(at("x/y/z")));
    ASSERT_TRUE(disk_->make_directory(at("x/y/z")));
    ASSERT_TRUE(disk_->create(at("x/y/b")));
    ASSERT_TRUE(disk_->create(at("x/y/a")));
    EXPECT_THAT(disk_->list(at("x/y")).value(),
                ElementsAre(DirectoryEntry{"a", false}, DirectoryEntry{"b", false}, DirectoryEntry{"z", true}));
    EXPECT_FALSE(disk_->remove(at("x/y")));
    ASSERT_TRUE(disk_->rename(at("x/y"), at("x/w")));
    EXPECT_TRUE(disk_->exists(at("x/w/a")).value());
    ASSERT_TRUE(disk_->sync_directory(at("x")));
    ASSERT_TRUE(remove_tree(*disk_, at("x")));
    EXPECT_FALSE(disk_->exists(at("x")).value());
    EXPECT_TRUE(disk_->remove(at("x")));
    EXPECT_FALSE(disk_->list(at("x")));
    EXPECT_FALSE(disk_->create(at("x/file")));
    ASSERT_TRUE(disk_->create(at("file")));
    EXPECT_FALSE(disk_->make_directory(at("file")));
}

TEST_P(DiskTest, a_removed_file_stays_readable_for_who_has_it_open) {
    auto file = disk_->create(at("a")).value();
    ASSERT_TRUE(file->write_at(0, as_bytes("kept")));
    ASSERT_TRUE(disk_->remove(at("a")));
    std::array<std::uint8_t, 4> out{};
    ASSERT_TRUE(file->read_exactly(0, out));
    EXPECT_EQ(as_text(out), "kept");
}

TEST_P(DiskTest, a_lock_has_one_holder) {
    auto held = disk_->lock(at(".lock"));
    ASSERT_TRUE(held);
    EXPECT_EQ(disk_->lock(at(".lock")).error(), ErrorCode::locked);
    held.value().reset();
    EXPECT_TRUE(disk_->lock(at(".lock")));
}

TEST_P(DiskTest, replaces_a_text_whole) {
    ASSERT_TRUE(replace_text(*disk_, at("t"), "first version"));
    ASSERT_TRUE(replace_text(*disk_, at("t"), "second"));
    EXPECT_EQ(text_of(at("t")), "second");
    EXPECT_EQ(read_text(*disk_, at("t"), 3).error(), ErrorCode::limit_exceeded);
    EXPECT_THAT(disk_->list(root_).value(), ElementsAre(DirectoryEntry{"t", false}));
}

TEST_P(DiskTest, knows_the_room) {
    const auto free = disk_->free_bytes(root_).value();
    EXPECT_GT(free, 0U);
    EXPECT_GE(disk_->total_bytes(root_).value(), free);
}

}  // namespace
}  // namespace ottla::broker::log
