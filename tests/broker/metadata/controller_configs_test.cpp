// SPDX-License-Identifier: Apache-2.0
#include "controller_script.hpp"

namespace ottla::broker {
namespace {

using protocol::IncrementalAlterConfigsRequest;
enum Operation : std::int8_t { set, remove, append, subtract };

class AlterConfigs : public ::testing::Test {
protected:
    AlterConfigs() {
        controller.with_brokers(1);
        controller.create("t");
    }

    ErrorCode alter(ConfigResourceType type, std::string resource, std::string name, Operation operation,
                    std::optional<std::string> value, bool validate_only = false) {
        IncrementalAlterConfigsRequest request;
        auto& one = request.resources.emplace_back();
        one.resource_type = static_cast<std::int8_t>(type);
        one.resource_name = std::move(resource);
        auto& config = one.configs.emplace_back();
        config.name = std::move(name);
        config.config_operation = operation;
        config.value = std::move(value);
        request.validate_only = validate_only;
        return code(controller.ask(std::move(request)).responses.at(0).error_code);
    }
    std::string now(std::string_view name) {
        const auto& values = (*controller).configs(ConfigResourceType::topic, "t");
        const auto at = values.find(name);
        return at == values.end() ? "(default)" : at->second;
    }

    ControllerScript controller;
};

TEST_F(AlterConfigs, sets_and_removes) {
    using enum ConfigResourceType;
    EXPECT_EQ(alter(topic, "t", "retention.ms", set, "5"), ErrorCode::none);
    EXPECT_EQ(now("retention.ms"), "5");
    EXPECT_EQ(alter(topic, "t", "retention.ms", set, "5"), ErrorCode::none);
    EXPECT_TRUE(controller.records().empty());
    EXPECT_EQ(alter(topic, "t", "retention.ms", remove, std::nullopt), ErrorCode::none);
    EXPECT_EQ(now("retention.ms"), "(default)");
    EXPECT_EQ(alter(topic, "t", "retention.ms", set, "6", true), ErrorCode::none);
    EXPECT_EQ(now("retention.ms"), "(default)");
}

TEST_F(AlterConfigs, values_may_not_contradict_each_other) {
    using enum ConfigResourceType;
    EXPECT_EQ(alter(topic, "t", "min.compaction.lag.ms", set, "10"), ErrorCode::none);
    EXPECT_EQ(alter(topic, "t", "max.compaction.lag.ms", set, "9"), ErrorCode::invalid_config);
    EXPECT_EQ(alter(topic, "t", "max.compaction.lag.ms", set, "10"), ErrorCode::none);
    EXPECT_EQ(alter(topic, "t", "min.compaction.lag.ms", set, "11"), ErrorCode::invalid_config);
    EXPECT_EQ(alter(topic, "t", "max.compaction.lag.ms", remove, std::nullopt), ErrorCode::none);
    EXPECT_EQ(alter(topic, "t", "min.compaction.lag.ms", set, "11"), ErrorCode::none);
}

TEST_F(AlterConfigs, lists_grow_and_shrink) {
    using enum ConfigResourceType;
    EXPECT_EQ(alter(topic, "t", "cleanup.policy", append, "compact"), ErrorCode::none);
    EXPECT_EQ(now("cleanup.policy"), "delete,compact");
    EXPECT_EQ(alter(topic, "t", "cleanup.policy", append, "compact"), ErrorCode::none);
    EXPECT_EQ(now("cleanup.policy"), "delete,compact");
    EXPECT_EQ(alter(topic, "t", "cleanup.policy", subtract, "delete"), ErrorCode::none);
    EXPECT_EQ(now("cleanup.policy"), "compact");
    EXPECT_EQ(alter(topic, "t", "retention.ms", append, "1"), ErrorCode::invalid_config);
}

TEST_F(AlterConfigs, refuses_with_kafkas_codes) {
    using enum ConfigResourceType;
    EXPECT_EQ(alter(topic, "none", "retention.ms", set, "5"), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(alter(topic, "t", "retention", set, "5"), ErrorCode::invalid_config);
    EXPECT_EQ(alter(topic, "t", "retention.ms", set, "x"), ErrorCode::invalid_config);
    EXPECT_EQ(alter(topic, "t", "retention.ms", set, std::nullopt), ErrorCode::invalid_request);
    EXPECT_EQ(alter(topic, "t", "retention.ms", static_cast<Operation>(7), "1"), ErrorCode::invalid_request);
    EXPECT_EQ(alter(broker, "one", "message.max.bytes", set, "5"), ErrorCode::invalid_request);
    EXPECT_EQ(alter(broker, "1", "node.id", set, "5"), ErrorCode::invalid_request);
    EXPECT_EQ(alter(broker, "", "listeners", set, "PLAINTEXT://:1"), ErrorCode::invalid_request);
    EXPECT_EQ(alter(group, "", "consumer.session.timeout.ms", set, "45000"), ErrorCode::invalid_request);
    EXPECT_EQ(alter(group, "g", "consumer.session.timeout.ms", set, "44999"), ErrorCode::invalid_config);
    EXPECT_EQ(alter(group, "g", "consumer.session.timeout.ms", set, "60001"), ErrorCode::invalid_config);
    EXPECT_EQ(alter(group, "g", "consumer.heartbeat.interval.ms", set, "4999"), ErrorCode::invalid_config);
    EXPECT_EQ(alter(group, "g", "consumer.heartbeat.interval.ms", set, "15000"), ErrorCode::none);
    EXPECT_EQ(alter(group, "g", "consumer.assignment.interval.ms", set, "15001"), ErrorCode::invalid_config);
    EXPECT_EQ(alter(group, "g", "consumer.assignment.interval.ms", set, "0"), ErrorCode::none);
    EXPECT_EQ(alter(group, "g", "consumer.session", set, "1"), ErrorCode::invalid_config);
    EXPECT_EQ(alter(broker, "", "message.max.bytes", set, "5"), ErrorCode::none);
}

TEST_F(AlterConfigs, a_resource_comes_once) {
    IncrementalAlterConfigsRequest request;
    for (int i = 0; i < 2; ++i) {
        auto& one = request.resources.emplace_back();
        one.resource_type = 2;
        one.resource_name = "t";
    }
    const auto response = controller.ask(std::move(request));
    EXPECT_EQ(code(response.responses.at(0).error_code), ErrorCode::invalid_request);
    EXPECT_EQ(code(response.responses.at(1).error_code), ErrorCode::invalid_request);
}

}  // namespace
}  // namespace ottla::broker
