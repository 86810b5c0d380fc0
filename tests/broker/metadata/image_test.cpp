// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/image.hpp"

#include "controller_script.hpp"

namespace ottla::broker {
namespace {

TEST(MetadataImage, starts_with_the_features_of_a_new_cluster) {
    ControllerScript controller;
    EXPECT_EQ((*controller).features(), (MetadataImage::Features{{"eligible.leader.replicas.version", 1},
                                                                 {"group.version", 1},
                                                                 {"metadata.version", 30},
                                                                 {"share.version", 1},
                                                                 {"streams.version", 1},
                                                                 {"transaction.version", 2}}));
    EXPECT_EQ((*controller).configs(ConfigResourceType::broker, "").at("min.insync.replicas"), "1");
    EXPECT_EQ((*controller).offset(), 8);
}

TEST(MetadataImage, an_older_image_never_changes) {
    ControllerScript controller;
    controller.with_brokers(1).create("a");
    const auto before = controller.image();
    const auto topic = before->topic("a");
    controller.create("b");
    protocol::DeleteTopicsRequest request;
    request.topic_names = {"a"};
    controller.ask(std::move(request));
    EXPECT_EQ(before->topics().size(), 1U);
    EXPECT_EQ(before->topic("a"), topic);
    EXPECT_EQ((*controller).topic("a"), nullptr);
    EXPECT_EQ((*controller).topic(topic->id), nullptr);
    EXPECT_NE((*controller).topic("b"), nullptr);
}

TEST(ImageBuilder, a_transaction_takes_effect_at_its_end_or_not_at_all) {
    ImageBuilder builder(MetadataImage::empty());
    protocol::TopicRecord topic;
    topic.name = "t";
    topic.topic_id.bytes[0] = 1;
    EXPECT_TRUE(builder.apply(protocol::BeginTransactionRecord{}, 0).has_value());
    EXPECT_TRUE(builder.apply(topic, 1).has_value());
    EXPECT_EQ(builder.build()->topic("t"), nullptr);
    EXPECT_EQ(builder.build()->offset(), -1);
    EXPECT_TRUE(builder.apply(protocol::EndTransactionRecord{}, 2).has_value());
    EXPECT_NE(builder.build()->topic("t"), nullptr);
    EXPECT_EQ(builder.build()->offset(), 2);

    topic.name = "u";
    topic.topic_id.bytes[0] = 2;
    EXPECT_TRUE(builder.apply(protocol::BeginTransactionRecord{}, 3).has_value());
    EXPECT_TRUE(builder.apply(topic, 4).has_value());
    EXPECT_TRUE(builder.apply(protocol::AbortTransactionRecord{}, 5).has_value());
    EXPECT_EQ(builder.build()->topic("u"), nullptr);
    EXPECT_EQ(builder.build()->offset(), 5);
}

TEST(ImageBuilder, records_that_do_not_fit_are_errors) {
    ImageBuilder builder(MetadataImage::empty());
    protocol::PartitionRecord partition;
    partition.partition_id = 0;
    EXPECT_EQ(builder.apply(partition, 0).error().code(), ErrorCode::corrupt_storage);
    EXPECT_FALSE(builder.apply(protocol::RemoveTopicRecord{}, 0).has_value());
    EXPECT_FALSE(builder.apply(protocol::PartitionChangeRecord{}, 0).has_value());
    EXPECT_FALSE(builder.apply(protocol::FenceBrokerRecord{}, 0).has_value());
}

}  // namespace
}  // namespace ottla::broker
