// SPDX-License-Identifier: Apache-2.0
// What a broker does for its logs as time passes, over whole brokers on virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ottla/protocol/messages/delete_records_request.hpp>
#include <ottla/protocol/messages/delete_records_response.hpp>
#include <ottla/protocol/messages/list_offsets_request.hpp>
#include <ottla/protocol/messages/list_offsets_response.hpp>
#include "broker/metadata/image_builder.hpp"
#include "tests/broker/embedded/simulated_cluster.hpp"
#include "tests/broker/embedded/topic_calls.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::int64_t earliest(SimulatedCluster& cluster, const std::string& topic) {
    protocol::ListOffsetsRequest request;
    request.replica_id = -1;
    auto& one = request.topics.emplace_back();
    one.name = topic;
    auto& partition = one.partitions.emplace_back();
    partition.current_leader_epoch = -1;
    partition.timestamp = -2;
    const auto response = cluster.call(1, std::move(request), 7);
    return response ? response->topics.at(0).partitions.at(0).offset : -100;
}

class HousekeepingTest : public testing::Test {
protected:
    void produce(int from, int to) {
        for (int i = from; i < to; ++i)
            ASSERT_EQ(cluster.produce(1, "t", 0, std::string(400, 'x') + std::to_string(i)), ErrorCode::none);
    }
    std::vector<std::string> files(std::string_view suffix) {
        std::vector<std::string> names;
        for (const auto& entry : cluster.disk(1).list(data + "/t-0").value())
            if (entry.name.ends_with(suffix)) names.push_back(entry.name);
        return names;
    }
    std::string text(const std::string& name) {
        auto read = log::read_text(cluster.disk(1), data + "/" + name);
        return read ? *read : std::string(read.error().text());
    }

    SimulatedCluster cluster{1, 2};
    std::string data;
};

TEST_F(HousekeepingTest, removes_what_is_too_much_and_takes_new_settings_at_once) {
    cluster.start();
    data = cluster.core().broker(1)->directory().path();
    create_topic(cluster, "t",
                 {{"internal.segment.bytes", "1000"}, {"retention.bytes", "2500"}, {"retention.ms", "-1"}});
    produce(0, 10);
    EXPECT_EQ(earliest(cluster, "t"), 0);
    cluster.loop().run_for(40s);
    EXPECT_EQ(earliest(cluster, "t"), 4);
    EXPECT_THAT(files(".deleted"), testing::Not(IsEmpty()));
    EXPECT_THAT(text("log-start-offset-checkpoint"), HasSubstr("t 0 4\n"));
    cluster.loop().run_for(2min);
    EXPECT_THAT(files(".deleted"), IsEmpty());
    // The records are of 1970: by time all of them may go.
    set_topic_config(cluster, "t", "retention.bytes", "-1");
    set_topic_config(cluster, "t", "retention.ms", "1000");
    produce(10, 11);
    cluster.loop().run_for(10min);
    EXPECT_EQ(earliest(cluster, "t"), 11);
    EXPECT_THAT(files(".log"), ElementsAre("00000000000000000011.log"));
    produce(11, 12);
    EXPECT_THAT(cluster.consume(1, "t", 0), ElementsAre("OFFSET_OUT_OF_RANGE"));  // it asks from 0 on
}

TEST_F(HousekeepingTest, deleted_records_stay_so_over_a_power_cut) {
    cluster.start();
    create_topic(cluster, "t", {{"retention.ms", "-1"}});
    for (int i = 1; i <= 5; ++i) {
        produce(i - 1, i);
        protocol::DeleteRecordsRequest request;
        request.timeout_ms = 5000;
        auto& topic = request.topics.emplace_back();
        topic.name = "t";
        topic.partitions.emplace_back().offset = i;
        const auto deleted = cluster.call(1, std::move(request), 2);
        ASSERT_TRUE(deleted.has_value());
        ASSERT_EQ(deleted->topics.at(0).partitions.at(0).low_watermark, i);
        base::Random random(static_cast<std::uint64_t>(i));
        ASSERT_TRUE(cluster.run(cluster.core().broker_down(1)));
        cluster.disk(1).crash(random);
        ASSERT_TRUE(cluster.run(cluster.core().broker_up(1)));
        ASSERT_EQ(earliest(cluster, "t"), i);
    }
}

TEST_F(HousekeepingTest, writes_checkpoints_while_running) {
    cluster.start();
    data = cluster.core().broker(1)->directory().path();
    create_topic(cluster, "t", {{"retention.ms", "-1"}});
    produce(0, 3);
    cluster.loop().run_for(31s);
    EXPECT_THAT(text("replication-offset-checkpoint"), HasSubstr("t 0 3\n"));
    EXPECT_THAT(text("recovery-point-offset-checkpoint"), HasSubstr("t 0 3\n"));
    produce(3, 5);
    cluster.loop().run_for(6s);
    EXPECT_THAT(text("replication-offset-checkpoint"), HasSubstr("t 0 5\n"));
    EXPECT_THAT(text("recovery-point-offset-checkpoint"), HasSubstr("t 0 3\n"));
    cluster.loop().run_for(1min);
    EXPECT_THAT(text("recovery-point-offset-checkpoint"), HasSubstr("t 0 5\n"));
    cluster.stop();
}

// Images may be passed over: what was deleted and what was made come together then.
TEST_F(HousekeepingTest, a_topic_deleted_and_made_again_within_one_image_begins_empty) {
    cluster.start();
    create_topic(cluster, "t", {});
    produce(0, 3);
    const auto before = cluster.core().image();
    ImageBuilder builder(before);
    std::int64_t offset = before->offset();
    protocol::RemoveTopicRecord removed;
    removed.topic_id = before->topic("t")->id;
    protocol::TopicRecord made;
    made.name = "t";
    made.topic_id.bytes[15] = 42;
    protocol::PartitionRecord partition;
    partition.topic_id = made.topic_id;
    partition.partition_id = 0;
    partition.replicas = partition.isr = {1};
    partition.leader = 1;
    ASSERT_TRUE(builder.apply(MetadataRecord(removed), ++offset));
    ASSERT_TRUE(builder.apply(MetadataRecord(made), ++offset));
    const auto applied = builder.apply(MetadataRecord(partition), ++offset);
    ASSERT_TRUE(applied) << applied.error().text();
    Broker& broker = *cluster.core().broker(1);
    ASSERT_TRUE(cluster.loop().run(broker.on_image(builder.build())));
    const PartitionKey key{made.topic_id, 0};
    const auto found = broker.node().owner_of(key).find(key);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->log_end_offset(), 0);
    const std::string path = broker.directory().path();
    EXPECT_TRUE(cluster.disk(1).exists(path + "/t-0/00000000000000000000.log").value());
}

TEST(Housekeeping, forgets_producers_that_have_been_silent_for_long) {
    SimulatedCluster cluster(1, 2,
                             {"producer.id.expiration.ms=60000", "producer.id.expiration.check.interval.ms=1000"});
    cluster.start();
    create_topic(cluster, "t", {});
    const PartitionKey key{cluster.image().topic("t")->id, 0};
    const auto partition = cluster.core().broker(1)->node().owner_of(key).find(key);
    const auto produce_as = [&](std::int64_t producer, bool transactional) {
        const std::int64_t now_ms = cluster.loop().timers.wall_ms();
        protocol::RecordBatchBuilder builder{Buffer(256)};
        builder.append(now_ms, std::nullopt, as_bytes("v"));
        protocol::BatchStamp stamp;
        stamp.producer_id = producer;
        stamp.producer_epoch = 0;
        stamp.base_sequence = 0;
        stamp.transactional = transactional;
        const auto batch = builder.finish(stamp).freeze();
        ASSERT_TRUE(partition->append(batch.span(), log::Origin::client, partition->leader_epoch(), now_ms));
    };
    const auto& producers = partition->log().producers();
    produce_as(7, false);
    produce_as(8, true);
    cluster.loop().run_for(50s);
    produce_as(9, false);
    EXPECT_EQ(producers.size(), 3U);
    cluster.loop().run_for(12s);
    EXPECT_EQ(producers.find(7), nullptr);
    EXPECT_NE(producers.find(8), nullptr);  // its transaction is open
    EXPECT_NE(producers.find(9), nullptr);
    cluster.loop().run_for(60s);
    EXPECT_EQ(producers.find(9), nullptr);
}

}  // namespace
}  // namespace ottla::broker
