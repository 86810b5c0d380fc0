// SPDX-License-Identifier: Apache-2.0
#include "broker/log/log_directories.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/memory_disk.hpp"
#include "tests/support/uuids.hpp"

namespace ottla::broker::log {
namespace {

using test::uuid_ending_in;
using testing::AllOf;
using testing::HasSubstr;

class LogDirectoriesTest : public testing::Test {
protected:
    Result<std::unique_ptr<LogDirectories>> open() { return LogDirectories::open(disk, wanted, random, {}); }
    std::string refusal() {
        const auto opened = open();
        return opened ? "" : std::string(opened.error().text());
    }
    void write(const std::string& path, std::string_view cluster, std::int32_t node, std::uint8_t id) {
        ASSERT_TRUE(disk.make_directory(path));
        const MetaProperties properties{std::string(cluster), node, uuid_ending_in(id)};
        ASSERT_TRUE(replace_text(disk, join_path(path, "meta.properties"), properties.to_text()));
    }
    // Everything in there fails from now on.
    void break_disk(const std::string& path) {
        disk.set_script([path](const MemoryDisk::Operation& operation) {
            return operation.path.starts_with(path) ? MemoryDisk::Fault::fail : MemoryDisk::Fault::none;
        });
    }

    MemoryDisk disk;
    base::Random random{1};
    LogDirectories::Wanted wanted{{"/a", "/b"}, "/a", 1, ""};
};

TEST_F(LogDirectoriesTest, new_ones_get_one_cluster_and_an_id_each) {
    Uuid a, b;
    {
        const auto opened = open().value();
        a = opened->served()[0]->properties().directory_id;
        b = opened->served()[1]->properties().directory_id;
        EXPECT_NE(a, b);
        EXPECT_EQ(opened->served()[1]->properties().cluster_id, opened->cluster_id());
        EXPECT_EQ(opened->metadata(), opened->served()[0]);
        EXPECT_EQ(opened->find(b), opened->served()[1]);
        EXPECT_EQ(opened->find(Uuid{}), nullptr);
    }
    const auto again = open().value();
    EXPECT_EQ(again->served()[0]->properties().directory_id, a);
    EXPECT_EQ(again->served()[1]->properties().directory_id, b);
}

TEST_F(LogDirectoriesTest, the_metadata_may_lie_apart) {
    wanted.metadata_path = "/m";
    const auto opened = open().value();
    EXPECT_EQ(opened->metadata()->path(), "/m");
    EXPECT_EQ(opened->served().size(), 2U);
    EXPECT_EQ(opened->all().size(), 3U);
}

TEST_F(LogDirectoriesTest, those_that_do_not_belong_together_are_refused_untouched) {
    write("/a", "c", 1, 1);
    write("/b", "other", 1, 2);
    EXPECT_EQ(refusal(), "log.dirs: '/a' belongs to the cluster c, '/b' to other");
    write("/b", "c", 1, 1);
    EXPECT_THAT(refusal(), AllOf(HasSubstr("'/a' and '/b' have the same directory.id"), HasSubstr("a copy")));
    EXPECT_FALSE(disk.exists("/a/.lock").value());
    write("/b", "c", 2, 3);
    EXPECT_THAT(refusal(), HasSubstr("'/b' belongs to the node 2, not to 1"));
}

TEST_F(LogDirectoriesTest, an_empty_directory_does_not_take_the_place_of_the_metadata) {
    write("/b", "c", 1, 1);
    EXPECT_THAT(refusal(), AllOf(HasSubstr("'/a' is to hold the metadata log"), HasSubstr("is its disk mounted?")));
    EXPECT_FALSE(disk.exists("/a/meta.properties").value());
    wanted.metadata_path = "/b";
    EXPECT_EQ(refusal(), "");
}

TEST_F(LogDirectoriesTest, the_emptiest_is_chosen_and_partitions_stay_where_they_are) {
    {
        const auto opened = open().value();
        for (int p = 0; p < 3; ++p) {
            LogDirectory* chosen = opened->emptiest();
            EXPECT_EQ(chosen, opened->served()[p == 1 ? 1 : 0]) << p;
            ASSERT_TRUE(chosen->create_log({"t", p}, uuid_ending_in(1), {}));
            opened->hold({"t", p}, *chosen);
        }
    }
    const auto again = open().value();
    EXPECT_EQ(again->holder({"t", 0})->path(), "/a");
    EXPECT_EQ(again->holder({"t", 1})->path(), "/b");
    EXPECT_EQ(again->holder({"t", 3}), nullptr);
    EXPECT_EQ(again->emptiest()->path(), "/b");
    again->let_go({"t", 0});
    again->let_go({"t", 2});
    EXPECT_EQ(again->emptiest()->path(), "/a");
}

TEST_F(LogDirectoriesTest, a_partition_in_two_of_them_is_refused) {
    {
        const auto opened = open().value();
        for (LogDirectory* directory : opened->served())
            ASSERT_TRUE(directory->create_log({"t", 0}, uuid_ending_in(1), {}));
    }
    EXPECT_THAT(refusal(), HasSubstr("t-0 lies in '/a' and in '/b'"));
}

TEST_F(LogDirectoriesTest, one_that_fails_is_offline_and_the_others_serve) {
    { const auto opened = open().value(); }
    break_disk("/b");
    {
        const auto opened = open().value();
        EXPECT_FALSE(opened->served()[0]->offline());
        EXPECT_TRUE(opened->served()[1]->offline());
        EXPECT_TRUE(opened->any_offline());
        EXPECT_EQ(opened->emptiest()->path(), "/a");
    }
    break_disk("/");
    EXPECT_EQ(open().error(), ErrorCode::file_system);
    wanted.metadata_path.clear();
    EXPECT_THAT(refusal(), HasSubstr("none of log.dirs can be used"));
    wanted.metadata_path = "/a";
    break_disk("/a");
    EXPECT_EQ(open().error(), ErrorCode::file_system);
}

// A checkpoint that cannot be done without is damaged, or a newer broker's.
TEST_F(LogDirectoriesTest, one_that_cannot_be_read_is_offline_and_the_others_serve) {
    { const auto opened = open().value(); }
    for (const std::string_view text : {"0\n1\n", "1\n0\n"}) {
        ASSERT_TRUE(replace_text(disk, "/b/log-start-offset-checkpoint", text));
        {
            const auto opened = open().value();
            EXPECT_FALSE(opened->served()[0]->offline());
            EXPECT_TRUE(opened->served()[1]->offline());
        }
        EXPECT_EQ(read_text(disk, "/b/log-start-offset-checkpoint").value(), text);
        wanted.metadata_path = "/b";
        EXPECT_THAT(refusal(), HasSubstr("/b/log-start-offset-checkpoint"));
        wanted.metadata_path = "/a";
    }
    ASSERT_TRUE(replace_text(disk, "/a/log-start-offset-checkpoint", "0\n1\n"));
    wanted.metadata_path.clear();
    EXPECT_THAT(refusal(), AllOf(HasSubstr("none of log.dirs can be used"), HasSubstr("of version 1")));
}

}  // namespace
}  // namespace ottla::broker::log
