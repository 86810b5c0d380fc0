// SPDX-License-Identifier: Apache-2.0
// A file system that can only be read, as the kernel makes one whose disk fails: it is said so, and nothing is done by
// halves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/log_directories.hpp"
#include "broker/log/memory_disk.hpp"
#include "tests/broker/log/batches.hpp"
#include "tests/support/uuids.hpp"

namespace ottla::broker::log {
namespace {

using test::uuid_ending_in;
using testing::AllOf;
using testing::HasSubstr;

const auto says_read_only = AllOf(HasSubstr("/b"), HasSubstr("Read-only file system"), HasSubstr("mount it"));

class ReadOnlyTest : public testing::Test {
protected:
    // A log in each; the ids tell them apart.
    ReadOnlyTest() {
        const auto opened = open().value();
        for (LogDirectory* directory : opened->served()) {
            const auto log = directory->create_log({"t", 0}, uuid_ending_in(directory->path() == "/a" ? 1 : 2), {});
            for (int i = 0; i < 3; ++i) EXPECT_TRUE(log.value()->append(batch_of(2).span(), {}));
            EXPECT_TRUE(log.value()->close());
            EXPECT_TRUE(directory->write_checkpoint(Checkpoint::recovery_points, {{{"t", 0}, 6}}));
            EXPECT_TRUE(directory->close(1));
        }
    }

    Result<std::unique_ptr<LogDirectories>> open() { return LogDirectories::open(disk_, wanted_, random_, {}); }
    void make_read_only() {
        disk_.set_script([](const MemoryDisk::Operation& operation) {
            using Kind = MemoryDisk::Kind;
            const bool reads = operation.kind == Kind::read || operation.kind == Kind::sync ||
                               operation.kind == Kind::sync_directory || operation.kind == Kind::sync_file_system;
            return !reads && operation.path.starts_with("/b") ? MemoryDisk::Fault::read_only : MemoryDisk::Fault::none;
        });
    }
    // Every file below, and what it holds.
    std::map<std::string, std::string> contents(const std::string& path) {
        std::map<std::string, std::string> all;
        for (const auto& entry : disk_.list(path).value()) {
            const auto inside = join_path(path, entry.name);
            if (entry.is_directory) {
                all.merge(contents(inside));
            } else {
                all[inside] = read_text(disk_, inside).value();
            }
        }
        return all;
    }

    MemoryDisk disk_;
    base::Random random_{1};
    LogDirectories::Wanted wanted_{{"/a", "/b"}, "/a", 1, ""};
};

TEST_F(ReadOnlyTest, a_directory_that_is_so_at_the_start_is_offline_and_left_as_it_is) {
    const auto before = contents("/b");
    make_read_only();
    {
        const auto opened = open().value();
        EXPECT_FALSE(opened->served()[0]->offline());
        EXPECT_TRUE(opened->served()[1]->offline());
    }
    wanted_.paths = {"/b"};
    wanted_.metadata_path = "/b";
    const auto refused = open();
    EXPECT_EQ(refused.error(), ErrorCode::file_system);
    EXPECT_THAT(std::string(refused.error().text()), says_read_only);
    EXPECT_EQ(contents("/b"), before);

    disk_.set_script({});
    const auto opened = open().value();
    EXPECT_TRUE(opened->served()[0]->was_clean());
    EXPECT_EQ(opened->served()[0]->open_log({"t", 0}, {}).value()->end().offset, 6);
}

TEST_F(ReadOnlyTest, a_log_in_one_that_becomes_so_keeps_what_it_has) {
    LogConfig config;
    config.segment_bytes = static_cast<std::uint32_t>(3 * batch_of(2).size());  // the next batch begins another
    for (const bool rolls : {false, true}) {
        const auto opened = open().value();
        LogDirectory& directory = *opened->served()[1];
        const auto log = directory.open_log({"t", 0}, rolls ? config : LogConfig()).value();
        const auto before = contents("/b");
        make_read_only();
        const auto appended = log->append(batch_of(2).span(), {});
        EXPECT_EQ(appended.error(), ErrorCode::file_system);
        EXPECT_THAT(std::string(appended.error().text()), says_read_only);
        EXPECT_EQ(log->end().offset, 6);
        for (const auto& done :
             {directory.write_checkpoint(Checkpoint::high_watermarks, {{{"t", 0}, 7}}),
              Result<void>(directory.create_log({"u", 0}, uuid_ending_in(3), {}).error()),
              Result<void>(directory.set_aside({"t", 0}, uuid_ending_in(4)).error()), directory.close(1)}) {
            EXPECT_EQ(done.error(), ErrorCode::file_system);
            EXPECT_THAT(std::string(done.error().text()), says_read_only);
        }
        EXPECT_EQ(contents("/b"), before);
        disk_.restart();
    }
    const auto opened = open().value();
    EXPECT_EQ(opened->served()[1]->open_log({"t", 0}, {}).value()->end().offset, 6);
    EXPECT_EQ(opened->served()[1]->checkpointed(Checkpoint::high_watermarks, {"t", 0}), 0);
}

}  // namespace
}  // namespace ottla::broker::log
