// SPDX-License-Identifier: Apache-2.0
// Brokers with several log directories (KIP-858), whole ones on virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ottla/protocol/messages/delete_topics_request.hpp>
#include <ottla/protocol/messages/delete_topics_response.hpp>
#include <ottla/protocol/messages/describe_log_dirs_request.hpp>
#include <ottla/protocol/messages/describe_log_dirs_response.hpp>
#include "tests/broker/embedded/simulated_cluster.hpp"

namespace ottla::broker {
namespace {

using testing::ElementsAre;

class LogDirsTest : public testing::Test {
protected:
    LogDirsTest() { cluster.start(); }

    void create(const std::string& topic, std::int32_t partitions) {
        const auto created = cluster.run(cluster.core().create_topic(topic, partitions, 1));
        ASSERT_TRUE(created.has_value()) << created.error().text();
    }
    // "/a t-0 t-2", "/b offline"
    std::vector<std::string> described() {
        protocol::DescribeLogDirsRequest request;
        request.topics.reset();
        const auto response = cluster.call(1, std::move(request), 4);
        std::vector<std::string> all;
        for (const auto& directory : response->results) {
            auto& text = all.emplace_back(directory.log_dir);
            if (directory.error_code != 0) text += " offline";
            for (const auto& topic : directory.topics) {
                for (const auto& partition : topic.partitions)
                    text += " " + topic.name + "-" + std::to_string(partition.partition_index);
            }
        }
        return all;
    }
    void restart() {
        ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
        cluster.disk(1).restart();
        ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    }

    const PartitionImage& partition(std::int32_t number) { return *cluster.image().topic("t")->partition(number); }
    Uuid directory_id(std::size_t which) {
        return cluster.core().broker(1)->directories().served()[which]->properties().directory_id;
    }
    // Every operation that changes something below the path fails from now on.
    void break_disk(const std::string& path) {
        cluster.disk(1).set_script([path](const log::MemoryDisk::Operation& operation) {
            const bool reads = operation.kind == log::MemoryDisk::Kind::read;
            return !reads && operation.path.starts_with(path) ? log::MemoryDisk::Fault::fail
                                                              : log::MemoryDisk::Fault::none;
        });
    }
    // It can be read, and synced, as before.
    void make_read_only(const std::string& path) {
        cluster.disk(1).set_script([path](const log::MemoryDisk::Operation& operation) {
            using Kind = log::MemoryDisk::Kind;
            const bool changes = operation.kind != Kind::read && operation.kind != Kind::sync &&
                                 operation.kind != Kind::sync_directory && operation.kind != Kind::sync_file_system;
            return changes && operation.path.starts_with(path) ? log::MemoryDisk::Fault::read_only
                                                               : log::MemoryDisk::Fault::none;
        });
    }

    SimulatedCluster cluster{1, 2, {"log.dirs=/a,/b"}};
};

TEST_F(LogDirsTest, new_partitions_go_where_fewest_are_and_stay_there) {
    create("t", 3);
    EXPECT_THAT(described(), ElementsAre("/a t-0 t-2", "/b t-1"));
    create("u", 2);
    EXPECT_THAT(described(), ElementsAre("/a t-0 t-2 u-1", "/b t-1 u-0"));
    for (int p = 0; p < 3; ++p) EXPECT_EQ(cluster.produce(1, "t", p, "v" + std::to_string(p)), ErrorCode::none);
    restart();
    EXPECT_THAT(described(), ElementsAre("/a t-0 t-2 u-1", "/b t-1 u-0"));
    for (int p = 0; p < 3; ++p) EXPECT_THAT(cluster.consume(1, "t", p), ElementsAre("v" + std::to_string(p)));
}

TEST_F(LogDirsTest, a_stop_in_order_is_one_in_every_directory) {
    create("t", 2);
    for (int p = 0; p < 2; ++p) EXPECT_EQ(cluster.produce(1, "t", p, "v"), ErrorCode::none);
    cluster.stop();
    for (const std::string path : {"/a", "/b"}) {
        EXPECT_TRUE(cluster.disk(1).exists(path + "/.kafka_cleanshutdown").value());
        EXPECT_FALSE(cluster.disk(1).exists(path + "/.lock").value());
    }
    EXPECT_EQ(log::read_text(cluster.disk(1), "/a/recovery-point-offset-checkpoint").value(), "0\n1\nt 0 1\n");
    EXPECT_EQ(log::read_text(cluster.disk(1), "/b/recovery-point-offset-checkpoint").value(), "0\n1\nt 1 1\n");
    cluster.start();
    EXPECT_TRUE(cluster.core().broker(1)->directories().served()[1]->was_clean());
    EXPECT_THAT(cluster.consume(1, "t", 1), ElementsAre("v"));
}

TEST_F(LogDirsTest, the_controller_knows_where_each_partition_lies) {
    create("t", 3);
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_THAT(partition(0).directories, ElementsAre(directory_id(0)));
    EXPECT_THAT(partition(1).directories, ElementsAre(directory_id(1)));
    EXPECT_THAT(partition(2).directories, ElementsAre(directory_id(0)));
    EXPECT_THAT(cluster.image().broker(1)->log_dirs, ElementsAre(directory_id(0), directory_id(1)));
}

TEST_F(LogDirsTest, one_that_fails_goes_offline_and_the_others_serve_on) {
    create("t", 2);
    for (int p = 0; p < 2; ++p) EXPECT_EQ(cluster.produce(1, "t", p, "v"), ErrorCode::none);
    break_disk("/b");
    EXPECT_EQ(cluster.produce(1, "t", 1, "lost"), ErrorCode::kafka_storage_error);
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_EQ(partition(1).leader, -1);
    EXPECT_THAT(partition(1).directories, ElementsAre(directory_id(1)));
    EXPECT_THAT(cluster.image().broker(1)->log_dirs, ElementsAre(directory_id(0)));
    EXPECT_EQ(cluster.produce(1, "t", 1, "lost"), ErrorCode::kafka_storage_error);
    EXPECT_THAT(cluster.consume(1, "t", 1), ElementsAre("KAFKA_STORAGE_ERROR"));
    EXPECT_EQ(cluster.produce(1, "t", 0, "w"), ErrorCode::none);
    EXPECT_THAT(cluster.consume(1, "t", 0), ElementsAre("v", "w"));
    EXPECT_THAT(described(), ElementsAre("/a t-0", "/b offline"));
    create("u", 2);
    EXPECT_THAT(described(), ElementsAre("/a t-0 u-0 u-1", "/b offline"));

    // It is never tried again while the broker runs; with the next start and a sound disk it is back.
    cluster.disk(1).set_script({});
    EXPECT_EQ(cluster.produce(1, "t", 1, "lost"), ErrorCode::kafka_storage_error);
    restart();
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_EQ(partition(1).leader, 1);
    EXPECT_THAT(cluster.consume(1, "t", 1).front(), "v");
}

TEST_F(LogDirsTest, one_that_fails_at_the_start_is_offline_and_nothing_in_it_is_made_anew) {
    create("t", 2);
    for (int p = 0; p < 2; ++p) EXPECT_EQ(cluster.produce(1, "t", p, "v"), ErrorCode::none);
    cluster.loop().run_for(std::chrono::seconds(1));
    ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
    cluster.disk(1).restart();
    break_disk("/b");
    ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_EQ(partition(0).leader, 1);
    EXPECT_EQ(partition(1).leader, -1);
    EXPECT_EQ(cluster.produce(1, "t", 1, "lost"), ErrorCode::kafka_storage_error);
    EXPECT_THAT(described(), ElementsAre("/a t-0", "/b offline"));
    cluster.disk(1).set_script({});
    restart();
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_THAT(described(), ElementsAre("/a t-0", "/b t-1"));
    for (int p = 0; p < 2; ++p) EXPECT_THAT(cluster.consume(1, "t", p), ElementsAre("v"));
}

TEST_F(LogDirsTest, without_any_the_broker_ends) {
    create("t", 2);
    break_disk("/");
    static_cast<void>(cluster.produce(1, "t", 0, "lost"));
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_NE(cluster.core().broker(1), nullptr);
    static_cast<void>(cluster.produce(1, "t", 1, "lost"));
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_EQ(cluster.core().broker(1), nullptr);
    cluster.disk(1).set_script({});
}

TEST_F(LogDirsTest, a_partition_that_was_moved_by_hand_is_found_where_it_is) {
    create("t", 2);
    EXPECT_EQ(cluster.produce(1, "t", 1, "v"), ErrorCode::none);
    ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
    cluster.disk(1).restart();
    ASSERT_TRUE(cluster.disk(1).rename("/b/t-1", "/a/t-1"));
    ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_THAT(partition(1).directories, ElementsAre(directory_id(0)));
    EXPECT_THAT(cluster.consume(1, "t", 1), ElementsAre("v"));
}

std::vector<std::string> names_in(log::MemoryDisk& disk, const std::string& path, std::string_view suffix) {
    std::vector<std::string> names;
    for (const auto& entry : disk.list(path).value()) {
        if (entry.is_directory && entry.name.ends_with(suffix)) names.push_back(entry.name);
    }
    return names;
}

TEST_F(LogDirsTest, what_was_deleted_while_its_directory_was_away_is_set_aside_when_it_is_back) {
    create("t", 2);
    for (int p = 0; p < 2; ++p) EXPECT_EQ(cluster.produce(1, "t", p, "old"), ErrorCode::none);
    break_disk("/b");
    EXPECT_EQ(cluster.produce(1, "t", 1, "lost"), ErrorCode::kafka_storage_error);
    cluster.loop().run_for(std::chrono::seconds(1));
    protocol::DeleteTopicsRequest request;
    request.topic_names = {"t"};
    request.timeout_ms = 5000;
    ASSERT_EQ(cluster.call(1, std::move(request), 5)->responses.at(0).error_code, 0);
    create("t", 2);
    for (int p = 0; p < 2; ++p) EXPECT_EQ(cluster.produce(1, "t", p, "new"), ErrorCode::none);

    cluster.disk(1).set_script({});
    restart();
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_EQ(names_in(cluster.disk(1), "/b", "-stray").size(), 1U);
    for (int p = 0; p < 2; ++p) EXPECT_THAT(cluster.consume(1, "t", p), ElementsAre("new"));
    EXPECT_THAT(described(), ElementsAre("/a t-0 t-1", "/b"));
}

TEST_F(LogDirsTest, what_the_metadata_does_not_know_is_set_aside_and_stays) {
    create("t", 2);
    EXPECT_EQ(cluster.produce(1, "t", 1, "v"), ErrorCode::none);
    ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
    auto& disk = cluster.disk(1);
    disk.restart();
    // A partition of no topic, and one of another topic under the name of t-0.
    ASSERT_TRUE(disk.make_directory("/b/gone-7"));
    ASSERT_TRUE(log::replace_text(disk, "/b/gone-7/00000000000000000000.log", "records"));
    Uuid other;
    other.bytes[15] = 9;
    ASSERT_TRUE(log::replace_text(disk, "/a/t-0/partition.metadata", log::partition_metadata_text(other)));
    ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    cluster.loop().run_for(std::chrono::seconds(1));
    const auto gone = names_in(disk, "/b", "-stray");
    ASSERT_EQ(gone.size(), 1U);
    EXPECT_TRUE(gone[0].starts_with("gone-7.")) << gone[0];
    EXPECT_EQ(gone[0].size(), std::string("gone-7.-stray").size() + 32);
    EXPECT_EQ(log::read_text(disk, "/b/" + gone[0] + "/00000000000000000000.log").value(), "records");
    const auto taken = names_in(disk, "/a", "-stray");
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_TRUE(taken[0].starts_with("t-0.")) << taken[0];
    EXPECT_EQ(cluster.produce(1, "t", 0, "new"), ErrorCode::none);
    EXPECT_THAT(cluster.consume(1, "t", 0), ElementsAre("new"));
    EXPECT_THAT(cluster.consume(1, "t", 1), ElementsAre("v"));
    restart();
    EXPECT_EQ(names_in(disk, "/b", "-stray"), gone);
}

TEST_F(LogDirsTest, one_whose_file_system_becomes_read_only_goes_offline_and_loses_nothing) {
    create("t", 2);
    for (int p = 0; p < 2; ++p) EXPECT_EQ(cluster.produce(1, "t", p, "v"), ErrorCode::none);
    make_read_only("/b");
    EXPECT_EQ(cluster.produce(1, "t", 1, "refused"), ErrorCode::kafka_storage_error);
    EXPECT_EQ(cluster.produce(1, "t", 0, "w"), ErrorCode::none);
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_EQ(partition(1).leader, -1);
    EXPECT_THAT(described(), ElementsAre("/a t-0", "/b offline"));

    // A start finds it so.
    ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
    cluster.disk(1).restart();
    make_read_only("/b");
    ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_NE(cluster.produce(1, "t", 1, "refused"), ErrorCode::none);
    EXPECT_EQ(cluster.produce(1, "t", 0, "x"), ErrorCode::none);

    restart();
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_THAT(cluster.consume(1, "t", 0), ElementsAre("v", "w", "x"));
    EXPECT_THAT(cluster.consume(1, "t", 1), ElementsAre("v"));
    EXPECT_EQ(cluster.produce(1, "t", 1, "w"), ErrorCode::none);
}

// Whose it is cannot be told: it is not taken for that of the topic of this name, and not set aside.
TEST_F(LogDirsTest, what_a_newer_broker_wrote_stays_as_it_is) {
    create("t", 2);
    for (int p = 0; p < 2; ++p) EXPECT_EQ(cluster.produce(1, "t", p, "v"), ErrorCode::none);
    ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
    auto& disk = cluster.disk(1);
    disk.restart();
    const auto before = log::read_text(disk, "/a/t-0/partition.metadata").value();
    ASSERT_TRUE(log::replace_text(disk, "/a/t-0/partition.metadata", "version: 1\ntopic: t"));
    ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_NE(cluster.produce(1, "t", 0, "w"), ErrorCode::none);
    EXPECT_EQ(cluster.produce(1, "t", 1, "w"), ErrorCode::none);
    EXPECT_TRUE(names_in(disk, "/a", "-stray").empty());
    EXPECT_THAT(described(), ElementsAre("/a", "/b t-1"));

    ASSERT_TRUE(log::replace_text(disk, "/a/t-0/partition.metadata", before));
    restart();
    cluster.loop().run_for(std::chrono::seconds(1));
    EXPECT_EQ(cluster.produce(1, "t", 0, "w"), ErrorCode::none);
    EXPECT_THAT(cluster.consume(1, "t", 0), ElementsAre("v", "w"));
}

TEST_F(LogDirsTest, what_a_stop_has_left_of_deleted_partitions_goes_after_the_delay) {
    ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
    auto& disk = cluster.disk(1);
    disk.restart();
    ASSERT_TRUE(disk.make_directory("/b/t-0.0123456789abcdef0123456789abcdef-delete"));
    ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
    cluster.loop().run_for(std::chrono::seconds(59));
    EXPECT_EQ(names_in(disk, "/b", "-delete").size(), 1U);
    cluster.loop().run_for(std::chrono::seconds(2));
    EXPECT_TRUE(names_in(disk, "/b", "-delete").empty());
}

}  // namespace
}  // namespace ottla::broker
