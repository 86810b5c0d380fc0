// SPDX-License-Identifier: Apache-2.0
// Topic configs that are altered while the broker runs.
#include <gtest/gtest.h>

#include <ottla/protocol/messages/incremental_alter_configs_request.hpp>
#include <ottla/protocol/messages/incremental_alter_configs_response.hpp>
#include "simulated_cluster.hpp"

namespace ottla::broker {
namespace {

class TopicSettings : public ::testing::TestWithParam<std::size_t> {
protected:
    TopicSettings() {
        cluster_.start();
        EXPECT_TRUE(cluster_.run(cluster_.core().create_topic("t", 1, 1)).has_value());
    }
    // No value: back to the default. `topic` may be empty: then all brokers' default is meant.
    void alter(const std::string& topic, std::string name, std::optional<std::string> value) {
        protocol::IncrementalAlterConfigsRequest request;
        auto& resource = request.resources.emplace_back();
        resource.resource_type = topic.empty() ? 4 : 2;
        resource.resource_name = topic;
        auto& config = resource.configs.emplace_back();
        config.name = std::move(name);
        config.config_operation = value ? 0 : 1;
        config.value = std::move(value);
        const auto response = cluster_.call(1, std::move(request), 1);
        ASSERT_TRUE(response.has_value());
        EXPECT_EQ(response->responses.at(0).error_code, 0) << response->responses[0].error_message.value_or("");
    }
    // A record without a key, of long ago.
    ErrorCode produce(std::size_t bytes) { return cluster_.produce(1, "t", 0, std::string(bytes, 'x')); }
    std::uint64_t file_size(const std::string& segment) {
        return cluster_.disk(1).open("/data/broker-1/t-0/" + segment).value()->size().value();
    }

    SimulatedCluster cluster_{1, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Shards, TopicSettings, testing::Values(1, 3));

TEST_P(TopicSettings, of_records_are_in_force_at_once) {
    EXPECT_EQ(produce(10), ErrorCode::none);
    alter("t", "message.timestamp.before.max.ms", "1000");
    EXPECT_EQ(produce(10), ErrorCode::invalid_timestamp);
    alter("t", "message.timestamp.type", "LogAppendTime");
    EXPECT_EQ(produce(10), ErrorCode::none);
    alter("t", "message.timestamp.type", {});
    alter("t", "message.timestamp.before.max.ms", {});
    EXPECT_EQ(produce(10), ErrorCode::none);
    alter("", "log.message.timestamp.before.max.ms", "1000");
    EXPECT_EQ(produce(10), ErrorCode::invalid_timestamp);
    alter("", "log.message.timestamp.before.max.ms", {});
    alter("t", "cleanup.policy", "compact");
    EXPECT_EQ(produce(10), ErrorCode::invalid_record);
}

TEST_P(TopicSettings, of_storage_are_in_force_at_once) {
    const std::string first = "00000000000000000000.log", second = "00000000000000000002.log";
    EXPECT_EQ(produce(1000), ErrorCode::none);
    const auto plain = file_size(first);
    EXPECT_GT(plain, 1000U);
    alter("t", "compression.type", "zstd");
    EXPECT_EQ(produce(1000), ErrorCode::none);
    EXPECT_LT(file_size(first), plain + 200);
    alter("t", "compression.type", "producer");
    alter("t", "internal.segment.bytes", "2000");
    alter("t", "preallocate", "true");
    EXPECT_EQ(produce(1000), ErrorCode::none);
    EXPECT_EQ(file_size(second), 2000U);
}

}  // namespace
}  // namespace ottla::broker
