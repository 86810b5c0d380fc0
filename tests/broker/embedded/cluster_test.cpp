// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <ottla/protocol/messages/metadata_request.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>

#include "simulated_cluster.hpp"

using namespace std::chrono_literals;

namespace ottla::broker {
namespace {

// The offset where the batch lies; -1 when it was refused.
std::int64_t produce_numbered(SimulatedCluster& cluster, int broker, std::int32_t sequence) {
    protocol::RecordBatchBuilder builder{Buffer(256)};
    builder.append(1000, std::nullopt, as_bytes("numbered"));
    protocol::BatchStamp stamp;
    stamp.producer_id = 7;
    stamp.producer_epoch = 0;
    stamp.base_sequence = sequence;
    protocol::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 5000;
    auto& topic = request.topic_data.emplace_back();
    topic.name = "orders";
    topic.partition_data.emplace_back().records = protocol::Records(builder.finish(stamp).freeze());
    const auto response = cluster.call(broker, std::move(request), 9);
    return response ? response->responses.at(0).partition_responses.at(0).base_offset : -2;
}

class Shards : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Cluster, Shards, ::testing::Values(1, 3));

TEST_P(Shards, three_brokers_share_the_leadership) {
    SimulatedCluster cluster(3, GetParam());
    cluster.start();
    ASSERT_TRUE(cluster.run(cluster.core().create_topic("orders", 6, 1)).has_value());
    protocol::MetadataRequest request;
    request.topics.reset();
    for (int broker = 1; broker <= 3; ++broker) {
        const auto metadata = cluster.call(broker, request, 12);
        ASSERT_TRUE(metadata.has_value()) << metadata.error().text();
        EXPECT_EQ(metadata->brokers.size(), 3U);
        std::multiset<std::int32_t> leaders;
        for (const auto& partition : metadata->topics.at(0).partitions) leaders.insert(partition.leader_id);
        EXPECT_EQ(leaders, (std::multiset<std::int32_t>{1, 1, 2, 2, 3, 3}));
    }
}

TEST_P(Shards, records_survive_a_restart_of_everything) {
    SimulatedCluster cluster(2, GetParam());
    cluster.start();
    ASSERT_TRUE(cluster.run(cluster.core().create_topic("orders", 4, 1)).has_value());
    for (int p = 0; p < 4; ++p) {
        EXPECT_EQ(cluster.produce(*cluster.core().leader("orders", p), "orders", p, "v" + std::to_string(p)),
                  ErrorCode::none);
    }
    const auto id = cluster.image().topic("orders")->id;
    cluster.stop();
    cluster.start();
    EXPECT_EQ(cluster.image().topic("orders")->id, id);
    for (int p = 0; p < 4; ++p) {
        EXPECT_EQ(cluster.consume(*cluster.core().leader("orders", p), "orders", p),
                  std::vector{"v" + std::to_string(p)});
        // Down and up again: two epochs.
        EXPECT_EQ(cluster.image().topic("orders")->partition(p)->leader_epoch, 2);
    }
}

TEST_P(Shards, a_broker_goes_down_and_comes_back_with_its_records) {
    SimulatedCluster cluster(2, GetParam());
    cluster.start();
    ASSERT_TRUE(cluster.run(cluster.core().create_topic("orders", 2, 1)).has_value());
    const int leader = *cluster.core().leader("orders", 0);
    const int other = 3 - leader;
    EXPECT_EQ(cluster.produce(leader, "orders", 0, "kept"), ErrorCode::none);

    ASSERT_TRUE(cluster.run(cluster.core().broker_down(leader)).has_value());
    EXPECT_EQ(*cluster.core().leader("orders", 0), -1);
    EXPECT_EQ(cluster.produce(leader, "orders", 0, "refused"), ErrorCode::transport);
    protocol::MetadataRequest request;
    request.topics.reset();
    const auto metadata = cluster.call(other, request, 12);
    EXPECT_EQ(metadata->brokers.size(), 1U);
    EXPECT_EQ(metadata->topics.at(0).partitions.at(0).error_code,
              static_cast<std::int16_t>(ErrorCode::leader_not_available));

    ASSERT_TRUE(cluster.run(cluster.core().broker_up(leader)).has_value());
    EXPECT_EQ(*cluster.core().leader("orders", 0), leader);
    EXPECT_EQ(cluster.consume(leader, "orders", 0), std::vector<std::string>{"kept"});
    EXPECT_EQ(cluster.produce(leader, "orders", 0, "more"), ErrorCode::none);
}

TEST_P(Shards, leadership_moves_together_with_the_log) {
    SimulatedCluster cluster(3, GetParam());
    cluster.start();
    ASSERT_TRUE(cluster.run(cluster.core().create_topic("orders", 1, 1)).has_value());
    const int from = *cluster.core().leader("orders", 0);
    const int to = from % 3 + 1;
    EXPECT_EQ(cluster.produce(from, "orders", 0, "one"), ErrorCode::none);
    const auto moved = cluster.run(cluster.core().move_leader("orders", 0, to));
    ASSERT_TRUE(moved.has_value()) << moved.error().text();
    EXPECT_EQ(*cluster.core().leader("orders", 0), to);
    EXPECT_EQ(cluster.produce(from, "orders", 0, "lost?"), ErrorCode::not_leader_or_follower);
    EXPECT_EQ(cluster.produce(to, "orders", 0, "two"), ErrorCode::none);
    EXPECT_EQ(cluster.consume(to, "orders", 0), (std::vector<std::string>{"one", "two"}));
    // And back again, over what was left behind.
    ASSERT_TRUE(cluster.run(cluster.core().move_leader("orders", 0, from)).has_value());
    EXPECT_EQ(cluster.consume(from, "orders", 0), (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(cluster.image().topic("orders")->partition(0)->leader_epoch, 2);
}

TEST_P(Shards, who_leads_next_knows_the_last_five_batches_of_a_producer) {
    SimulatedCluster cluster(2, GetParam());
    cluster.start();
    ASSERT_TRUE(cluster.run(cluster.core().create_topic("orders", 1, 1)).has_value());
    const int from = *cluster.core().leader("orders", 0);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(produce_numbered(cluster, from, i), i);
    ASSERT_TRUE(cluster.run(cluster.core().move_leader("orders", 0, 3 - from)).has_value());
    for (int i = 1; i < 6; ++i) EXPECT_EQ(produce_numbered(cluster, 3 - from, i), i);
    EXPECT_EQ(produce_numbered(cluster, 3 - from, 0), -1);
    EXPECT_EQ(produce_numbered(cluster, 3 - from, 6), 6);
}

TEST(Cluster, a_deleted_topic_is_gone_from_the_disk_and_its_name_is_free) {
    SimulatedCluster cluster(1);
    cluster.start();
    ASSERT_TRUE(cluster.run(cluster.core().create_topic("orders", 1, 1)).has_value());
    EXPECT_EQ(cluster.produce(1, "orders", 0, "old"), ErrorCode::none);
    protocol::DeleteTopicsRequest request;
    request.topic_names = {"orders"};
    request.timeout_ms = 5000;
    const auto deleted = cluster.call(1, request, 5);
    ASSERT_TRUE(deleted.has_value()) << deleted.error().text();
    EXPECT_EQ(deleted->responses.at(0).error_code, 0);
    EXPECT_EQ(cluster.produce(1, "orders", 0, "late"), ErrorCode::unknown_topic_or_partition);
    EXPECT_FALSE(*cluster.disk(1).exists("/data/broker-1/orders-0"));
    ASSERT_TRUE(cluster.run(cluster.core().create_topic("orders", 1, 1)).has_value());
    EXPECT_TRUE(cluster.consume(1, "orders", 0).empty());

    const auto deleted_directories = [&cluster] {
        const auto entries = cluster.disk(1).list("/data/broker-1").value();
        return std::ranges::count_if(entries, [](const auto& entry) { return entry.name.ends_with("-delete"); });
    };
    EXPECT_EQ(deleted_directories(), 1);
    cluster.loop().run_for(59s);
    EXPECT_EQ(deleted_directories(), 1);
    cluster.loop().run_for(2s);
    EXPECT_EQ(deleted_directories(), 0);
}

TEST(Cluster, a_directory_of_another_cluster_is_refused) {
    SimulatedCluster cluster(1);
    cluster.start().stop();
    ASSERT_TRUE(log::remove_tree(cluster.disk(0), "/data/controller").has_value());
    const auto started = cluster.try_start();
    ASSERT_FALSE(started.has_value());
    EXPECT_EQ(started.error().code(), ErrorCode::inconsistent_cluster_id);
}

TEST(Cluster, a_wrong_setting_is_refused_by_name) {
    SimulatedCluster cluster(1, 1, {"num.partitoins=3"});
    const auto started = cluster.try_start();
    ASSERT_FALSE(started.has_value());
    EXPECT_EQ(started.error().text(), "unknown broker config 'num.partitoins'; did you mean 'num.partitions'?");
}

TEST(Cluster, an_idle_cluster_waits_for_nothing_but_its_connections_and_its_housekeeping) {
    SimulatedCluster cluster(2, 3);
    cluster.start();
    cluster.loop().run_for(std::chrono::seconds(1));
    // Each broker's housekeeping and its cleaner, and the controller, for its next snapshot.
    EXPECT_EQ(cluster.loop().timers.waiting(), 5U);
}

}  // namespace
}  // namespace ottla::broker
