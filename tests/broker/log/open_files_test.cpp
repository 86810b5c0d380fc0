// SPDX-License-Identifier: Apache-2.0
// However many files there are, about as many are open as the disk was allowed; who holds one does not notice.
#include "broker/log/open_files.hpp"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/log.hpp"
#include "broker/log/posix_disk.hpp"
#include "tests/broker/log/batches.hpp"

namespace ottla::broker::log {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t open_max = 4;

class OpenFilesTest : public testing::Test {
protected:
    OpenFilesTest() {
        std::string name = (std::filesystem::temp_directory_path() / "ottla-open-XXXXXX").string();
        root_ = ::mkdtemp(name.data());
    }
    ~OpenFilesTest() override { std::filesystem::remove_all(root_); }

    std::string at(std::string_view name) const { return join_path(root_, name); }
    // Synced, so that it may be closed.
    std::shared_ptr<File> made(const std::string& name) {
        auto file = disk_.create(at(name)).value();
        EXPECT_TRUE(file->write_at(0, as_bytes(name)));
        EXPECT_TRUE(file->sync());
        return file;
    }
    std::vector<std::shared_ptr<File>> made_many(int count = 20) {
        std::vector<std::shared_ptr<File>> files;
        for (int i = 0; i < count; ++i) files.push_back(made("file" + std::to_string(i)));
        return files;
    }
    static std::string text_of(const File& file) {
        std::string text(file.size().value(), '\0');
        const auto read = file.read_at(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
        return read ? text : std::string(read.error().text());
    }
    // Of this process, in the directory.
    std::size_t descriptors() const {
        std::size_t count = 0;
        for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
            std::error_code gone;
            const auto path = std::filesystem::read_symlink(fd, gone).string();
            if (!gone && path.starts_with(root_)) ++count;
        }
        return count;
    }

    std::string root_;
    PosixDisk disk_{PosixDisk::Access::read_write, open_max};
};

TEST_F(OpenFilesTest, so_many_are_open_and_all_can_be_used) {
    auto files = made_many();
    EXPECT_LE(disk_.open_files(), open_max);
    EXPECT_EQ(descriptors(), disk_.open_files());
    for (int round = 0; round < 2; ++round) {
        for (std::size_t i = 0; i < files.size(); ++i) EXPECT_EQ(text_of(*files[i]), "file" + std::to_string(i));
    }
    EXPECT_LE(descriptors(), open_max);
    ASSERT_TRUE(files[0]->write_at(0, as_bytes("FILE")));
    EXPECT_EQ(text_of(*files[0]), "FILE0");
    files.clear();
    EXPECT_EQ(disk_.open_files(), 0U);
    EXPECT_EQ(descriptors(), 0U);
}

TEST_F(OpenFilesTest, one_that_is_used_all_the_time_stays_open) {
    const auto used = made("used");
    const int fd = used->native_handle();
    for (int i = 0; i < 20; ++i) {
        made("other");
        EXPECT_EQ(text_of(*used), "used");
    }
    EXPECT_EQ(used->native_handle(), fd);
}

TEST_F(OpenFilesTest, bytes_that_are_not_synced_keep_a_file_open_for_a_while) {
    auto files = made_many();
    for (std::size_t i = 0; i < open_max; ++i) ASSERT_TRUE(files[i]->write_at(0, as_bytes("F")));
    const int fd = files[0]->native_handle();
    for (std::size_t i = 0; i < files.size(); ++i) text_of(*files[i]);
    EXPECT_GE(descriptors(), open_max);
    // More of them than half as many again are synced and closed: there is a limit.
    for (const auto& file : files) ASSERT_TRUE(file->write_at(0, as_bytes("F")));
    EXPECT_LE(descriptors(), open_max + open_max / 2);
    for (std::size_t i = 0; i < files.size(); ++i) EXPECT_EQ(text_of(*files[i]), "File" + std::to_string(i));
    EXPECT_EQ(files[0]->native_handle(), fd);
    for (const auto& file : files) ASSERT_TRUE(file->sync());
    for (int i = 0; i < 10; ++i) made("more");
    EXPECT_LE(descriptors(), open_max);
}

TEST_F(OpenFilesTest, what_was_synced_with_others_may_be_closed) {
    OpenFiles all(open_max);
    std::vector<std::unique_ptr<OpenFiles::Entry>> entries;
    const auto add = [&](int number) -> OpenFiles::Entry& {
        const auto path = at("entry" + std::to_string(number));
        const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        entries.push_back(all.add(path, O_RDWR, std::make_shared<const Descriptor>(fd)));
        return *entries.back();
    };
    for (int i = 0; i < 6; ++i) const OpenFiles::Entry::Writing writing(add(i));
    EXPECT_EQ(all.count(), 6U);
    for (const auto& entry : entries) entry->synced(entry->mark());
    for (int i = 6; i < 16; ++i) add(i);
    EXPECT_LE(all.count(), open_max);
}

TEST_F(OpenFilesTest, what_is_written_meanwhile_is_not_synced) {
    OpenFiles all(open_max);
    const auto entry = all.add(at("entry"), O_RDWR, std::make_shared<const Descriptor>(-1));
    std::optional<OpenFiles::Entry::Writing> writing(std::in_place, *entry);
    const auto under_way = entry->mark();
    writing.reset();
    entry->synced(under_way);
    EXPECT_TRUE(entry->is_unsynced());
    const auto before = entry->mark();
    const auto same = entry->mark();
    writing.emplace(*entry);
    writing.reset();
    entry->synced(before);
    EXPECT_TRUE(entry->is_unsynced());
    entry->synced(entry->mark());
    EXPECT_FALSE(entry->is_unsynced());
    // An older one that ends later takes nothing back.
    entry->synced(same);
    EXPECT_FALSE(entry->is_unsynced());
}

TEST_F(OpenFilesTest, a_closed_one_is_found_under_its_new_name) {
    const auto files = made_many();
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto name = "file" + std::to_string(i);
        ASSERT_TRUE(disk_.rename(at(name), at(name + ".deleted")));
    }
    for (std::size_t i = 0; i < files.size(); ++i) EXPECT_EQ(text_of(*files[i]), "file" + std::to_string(i));
    EXPECT_LE(descriptors(), open_max);
}

TEST_F(OpenFilesTest, and_in_a_directory_that_was_renamed) {
    ASSERT_TRUE(disk_.make_directory(at("topic-1")));
    ASSERT_TRUE(disk_.make_directory(at("topic-10")));
    const auto inside = made("topic-1/log");
    const auto beside = made("topic-10/log");
    made_many();
    ASSERT_TRUE(disk_.rename(at("topic-1"), at("topic-1.x-delete")));
    EXPECT_EQ(text_of(*inside), "topic-1/log");
    EXPECT_EQ(text_of(*beside), "topic-10/log");
}

TEST_F(OpenFilesTest, one_that_is_removed_or_replaced_is_still_read) {
    const auto files = made_many();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(disk_.remove(at("file" + std::to_string(i))));
    ASSERT_TRUE(disk_.rename(at("file10"), at("file11")));
    made("file12");
    for (std::size_t i = 0; i < files.size(); ++i) EXPECT_EQ(text_of(*files[i]), "file" + std::to_string(i));
    // They stay open, for nobody could open them again.
    EXPECT_LE(descriptors(), open_max + 11);
    EXPECT_FALSE(disk_.rename(at("nothing"), at("file13")));
    made_many(5);
    EXPECT_EQ(text_of(*files[13]), "file13");
}

// All of the process's descriptors are in use, and nothing can be closed.
TEST_F(OpenFilesTest, says_how_many_are_needed_when_there_are_too_many) {
    const auto files = made_many();
    struct rlimit before {};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int first_free = ::dup(0);
    ASSERT_GE(first_free, 0);
    struct rlimit lowered = before;
    lowered.rlim_cur = static_cast<rlim_t>(first_free) + 20;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &lowered), 0);
    std::vector<std::unique_ptr<const Descriptor>> connections;
    connections.push_back(std::make_unique<const Descriptor>(first_free));
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) connections.push_back(std::make_unique<const Descriptor>(fd));
    // Those that are kept for later give way first.
    while (disk_.open_files() > 0) {
        EXPECT_TRUE(disk_.list(root_));
        connections.push_back(std::make_unique<const Descriptor>(::dup(0)));
    }
    const auto limit = std::to_string(lowered.rlim_cur);
    const std::vector<Error> errors{disk_.create(at("new")).error(),     disk_.open(at("file1")).error(),
                                    disk_.list(root_).error(),           disk_.lock(at(".lock")).error(),
                                    disk_.sync_directory(root_).error(), files[0]->size().error()};
    connections.clear();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    for (const auto& error : errors) {
        // It may go well later, as where there is no room.
        EXPECT_EQ(error, ErrorCode::storage_full);
        EXPECT_THAT(
            std::string(error.text()),
            AllOf(HasSubstr(root_), HasSubstr("may have " + limit + " files open (ulimit -n)"),
                  HasSubstr("0 are of logs, " + limit + " are connections"),
                  HasSubstr("with all 20 files of logs open it needs " + std::to_string(lowered.rlim_cur + 21))));
    }
    EXPECT_EQ(text_of(*files[0]), "file0");
    EXPECT_FALSE(disk_.exists(at("new")).value());
}

TEST_F(OpenFilesTest, readers_do_not_see_what_is_closed_renamed_and_removed_meanwhile) {
    const auto files = made_many();
    std::vector<std::thread> readers;
    for (std::size_t reader = 0; reader < 3; ++reader) {
        readers.emplace_back([&, reader] {
            for (std::size_t i = 0; i < 2000; ++i) {
                const std::size_t which = (i * (reader + 1)) % files.size();
                ASSERT_EQ(text_of(*files[which]), "file" + std::to_string(which));
            }
        });
    }
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 15; ++i) {
            const auto name = "file" + std::to_string(i);
            const auto from = round == 0 ? name : name + "." + std::to_string(round - 1);
            ASSERT_TRUE(disk_.rename(at(from), at(name + "." + std::to_string(round))));
        }
    }
    for (int i = 0; i < 15; ++i) ASSERT_TRUE(disk_.remove(at("file" + std::to_string(i) + ".19")));
    for (auto& reader : readers) reader.join();
}

TEST_F(OpenFilesTest, a_log_of_many_segments_needs_few) {
    LogConfig config;
    config.segment_bytes = 1000;
    auto log = Log::create(disk_, at("many-0"), config, Uuid{}).value();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(log->append(batch_of(3).span(), {}));
    ASSERT_GT(log->segment_count(), 20U);
    ASSERT_TRUE(log->sync());
    const auto all_readable = [](const Log& of) {
        for (std::int64_t offset = of.start_offset(); offset < of.end().offset; ++offset) {
            const auto plan = of.plan_read(offset, 1 << 20, of.end());
            ASSERT_TRUE(plan);
            const auto slice = plan->run();
            ASSERT_TRUE(slice) << slice.error().text();
            ASSERT_NE(slice->range.length, 0U);
        }
    };
    all_readable(*log);
    made_many(8);
    EXPECT_LE(descriptors(), open_max);
    // What was planned is read though its segment is given up, and its file gone.
    const auto plan = log->plan_read(0, 1 << 20, log->end()).value();
    log->advance_start(300);
    const auto retired = log->retire(300, 1000).value();
    EXPECT_FALSE(retired.files.empty());
    EXPECT_TRUE(plan.run());
    ASSERT_TRUE(retired.remove(disk_));
    EXPECT_TRUE(plan.run());
    all_readable(*log);
    ASSERT_TRUE(log->close());
    log.reset();
    Log::OpenOptions clean;
    clean.clean = true;
    log = Log::open(disk_, at("many-0"), config, clean).value();
    made_many(8);
    EXPECT_LE(descriptors(), open_max);
    all_readable(*log);
}

}  // namespace
}  // namespace ottla::broker::log
