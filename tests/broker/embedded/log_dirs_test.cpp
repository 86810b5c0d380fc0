// SPDX-License-Identifier: Apache-2.0
// Brokers with several log directories (KIP-858), whole ones on virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace ottla::broker
