// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "controller_script.hpp"

namespace ottla::broker {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreateTopicsRequest;
using protocol::DeleteTopicsRequest;

ErrorCode created(ControllerScript& controller, CreateTopicsRequest::CreatableTopic topic) {
    CreateTopicsRequest request;
    request.topics.push_back(std::move(topic));
    return code(controller.ask(std::move(request)).topics.at(0).error_code);
}

CreateTopicsRequest::CreatableTopic topic(std::string name, int partitions = 1, std::int16_t copies = 1) {
    CreateTopicsRequest::CreatableTopic one;
    one.name = std::move(name);
    one.num_partitions = partitions;
    one.replication_factor = copies;
    return one;
}

CreateTopicsRequest::CreatableTopic assigned(std::string name, std::vector<std::pair<int, std::vector<int>>> replicas) {
    auto one = topic(std::move(name), -1, -1);
    for (auto& [number, brokers] : replicas) {
        auto& assignment = one.assignments.emplace_back();
        assignment.partition_index = number;
        assignment.broker_ids.assign(brokers.begin(), brokers.end());
    }
    return one;
}

TEST(CreateTopics, spreads_leaders_over_the_brokers_that_are_up) {
    ControllerScript controller;
    controller.with_brokers(4);
    controller.set_state(4, false);
    EXPECT_EQ(created(controller, topic("orders", 6)), ErrorCode::none);
    std::map<int, int> led;
    for (const auto& partition : (*controller).topic("orders")->partitions) {
        ++led[partition.leader];
        EXPECT_EQ(partition.isr, partition.replicas);
        EXPECT_EQ(partition.directories, std::vector{ControllerScript::directory_of(partition.leader)});
        EXPECT_EQ(partition.leader_epoch, 0);
    }
    EXPECT_EQ(led, (std::map<int, int>{{1, 2}, {2, 2}, {3, 2}}));
}

TEST(CreateTopics, holds_names_to_the_rules) {
    ControllerScript controller;
    controller.with_brokers(1);
    EXPECT_EQ(created(controller, topic("a.b")), ErrorCode::none);
    EXPECT_EQ(created(controller, topic("a.b")), ErrorCode::topic_already_exists);
    EXPECT_EQ(created(controller, topic("a_b")), ErrorCode::invalid_topic_exception);
    EXPECT_EQ(created(controller, topic("")), ErrorCode::invalid_topic_exception);
    EXPECT_EQ(created(controller, topic("..")), ErrorCode::invalid_topic_exception);
    EXPECT_EQ(created(controller, topic("no blanks")), ErrorCode::invalid_topic_exception);
    EXPECT_EQ(created(controller, topic(std::string(250, 'x'))), ErrorCode::invalid_topic_exception);
    EXPECT_EQ(created(controller, topic(std::string(249, 'x'))), ErrorCode::none);
    EXPECT_EQ(created(controller, topic("__cluster_metadata")), ErrorCode::invalid_request);
}

TEST(CreateTopics, names_of_one_request_are_told_apart) {
    ControllerScript controller;
    controller.with_brokers(1);
    CreateTopicsRequest request;
    for (const auto* name : {"x", "x", "p.q", "p_q"}) request.topics.push_back(topic(name));
    const auto response = controller.ask(std::move(request));
    ASSERT_EQ(response.topics.size(), 3U);
    EXPECT_EQ(code(response.topics[0].error_code), ErrorCode::invalid_request);
    EXPECT_EQ(code(response.topics[1].error_code), ErrorCode::none);
    EXPECT_EQ(code(response.topics[2].error_code), ErrorCode::invalid_topic_exception);
}

TEST(CreateTopics, counts_must_be_possible) {
    ControllerScript controller;
    EXPECT_EQ(created(controller, topic("early")), ErrorCode::invalid_replication_factor);
    controller.with_brokers(2);
    EXPECT_EQ(created(controller, topic("a", 0)), ErrorCode::invalid_partitions);
    EXPECT_EQ(created(controller, topic("a", 1, 0)), ErrorCode::invalid_replication_factor);
    EXPECT_EQ(created(controller, topic("a", 1, 3)), ErrorCode::invalid_replication_factor);
    EXPECT_EQ(created(controller, topic("a", 1, 2)), ErrorCode::invalid_replication_factor);  // nothing replicates
    EXPECT_EQ(created(controller, topic("a", 20'000)), ErrorCode::policy_violation);
    EXPECT_EQ(created(controller, topic("a", -1, -1)), ErrorCode::none);
    EXPECT_EQ((*controller).partition_count(), 1U);
}

TEST(CreateTopics, takes_an_assignment_by_hand) {
    ControllerScript controller;
    controller.with_brokers(3);
    EXPECT_EQ(created(controller, assigned("hand", {{1, {3}}, {0, {2}}})), ErrorCode::none);
    EXPECT_EQ(controller.partition("hand", 0).leader, 2);
    EXPECT_EQ(controller.partition("hand", 1).leader, 3);
    EXPECT_EQ(created(controller, assigned("a", {{0, {}}})), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(created(controller, assigned("a", {{0, {1, 1}}})), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(created(controller, assigned("a", {{0, {9}}})), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(created(controller, assigned("a", {{1, {1}}})), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(created(controller, assigned("a", {{0, {1}}, {0, {1}}})), ErrorCode::invalid_replica_assignment);
    auto both = assigned("a", {{0, {1}}});
    both.num_partitions = 1;
    EXPECT_EQ(created(controller, both), ErrorCode::invalid_request);
}

// The request alone tells it: nothing is placed, written or counted one by one for what is refused.
TEST(CreateTopics, a_request_for_too_much_is_refused_before_anything_is_made) {
    ControllerOptions options;
    options.partitions_per_request_max = 8;
    ControllerScript controller(options);
    controller.with_brokers(1);
    EXPECT_EQ(created(controller, topic("a", 100'000'000)), ErrorCode::policy_violation);
    EXPECT_EQ(created(controller, topic("a", 8, 3)), ErrorCode::policy_violation) << "not what placing would say";
    std::vector<std::pair<int, std::vector<int>>> by_hand;
    for (int number = 0; number < 8; ++number) by_hand.push_back({number, {9}});
    EXPECT_EQ(created(controller, assigned("a", by_hand)), ErrorCode::policy_violation);

    CreateTopicsRequest together;
    for (const auto* name : {"x", "y", "z"}) together.topics.push_back(topic(name, 3));
    together.topics[1].num_partitions = 100'000'000;
    const auto response = controller.ask(std::move(together));
    EXPECT_EQ(code(response.topics[0].error_code), ErrorCode::none);
    EXPECT_EQ(code(response.topics[1].error_code), ErrorCode::policy_violation);
    EXPECT_EQ(code(response.topics[2].error_code), ErrorCode::none) << "what is refused takes no room";
    EXPECT_EQ((*controller).partition_count(), 6U);

    CreatePartitionsRequest grow;
    for (const auto* name : {"x", "z"}) {
        auto& one = grow.topics.emplace_back();
        one.name = name;
        one.count = 8;
        one.assignments.reset();
    }
    const auto grown = controller.ask(std::move(grow));
    EXPECT_EQ(code(grown.results[0].error_code), ErrorCode::none);
    EXPECT_EQ(code(grown.results[1].error_code), ErrorCode::policy_violation) << "counted over the request";
}

TEST(CreateTopics, configs_are_checked_and_described) {
    ControllerScript controller;
    controller.with_brokers(1);
    auto with = [](std::string name, std::optional<std::string> value) {
        auto one = topic("t");
        auto& config = one.configs.emplace_back();
        config.name = std::move(name);
        config.value = std::move(value);
        return one;
    };
    EXPECT_EQ(created(controller, with("retention.msec", "1")), ErrorCode::invalid_config);
    EXPECT_EQ(created(controller, with("retention.ms", "soon")), ErrorCode::invalid_config);
    EXPECT_EQ(created(controller, with("retention.ms", std::nullopt)), ErrorCode::invalid_config);
    CreateTopicsRequest request;
    request.topics.push_back(with("min.insync.replicas", "2"));
    const auto response = controller.ask(std::move(request));
    const auto& result = response.topics.at(0);
    EXPECT_EQ(result.num_partitions, 1);
    EXPECT_EQ(result.topic_id, (*controller).topic("t")->id);
    ASSERT_TRUE(result.configs.has_value());
    for (const auto& config : *result.configs) {
        if (config.name == "min.insync.replicas") {
            EXPECT_EQ(config.value, "2");
        }
    }
    // Topic, config, clearing of eligible leaders, partition: in Kafka's order.
    ASSERT_EQ(controller.records().size(), 4U);
    EXPECT_TRUE(std::holds_alternative<protocol::TopicRecord>(controller.records()[0]));
    EXPECT_TRUE(std::holds_alternative<protocol::ConfigRecord>(controller.records()[1]));
    EXPECT_TRUE(std::holds_alternative<protocol::ClearElrRecord>(controller.records()[2]));
    EXPECT_TRUE(std::holds_alternative<protocol::PartitionRecord>(controller.records()[3]));
}

TEST(CreateTopics, validating_only_writes_nothing) {
    ControllerScript controller;
    controller.with_brokers(1);
    const auto response = controller.create("t", 3, true);
    EXPECT_EQ(response.topics.at(0).num_partitions, 3);
    EXPECT_TRUE(controller.records().empty());
    EXPECT_EQ((*controller).topic("t"), nullptr);
}

TEST(DeleteTopics, by_name_and_by_id) {
    ControllerScript controller;
    controller.with_brokers(1);
    controller.create("a");
    controller.create("b");
    controller.create("c");
    DeleteTopicsRequest request;
    request.topic_names = {"a", "none"};
    auto& by_id = request.topics.emplace_back();
    by_id.topic_id = (*controller).topic("b")->id;
    auto& unknown = request.topics.emplace_back();
    unknown.topic_id.bytes[3] = 9;
    auto& both = request.topics.emplace_back();
    both.name = "c";
    both.topic_id = (*controller).topic("c")->id;
    const auto response = controller.ask(std::move(request));
    ASSERT_EQ(response.responses.size(), 5U);
    EXPECT_EQ(response.responses[0].name, "b");
    EXPECT_EQ(code(response.responses[1].error_code), ErrorCode::unknown_topic_id);
    EXPECT_EQ(code(response.responses[2].error_code), ErrorCode::invalid_request);
    EXPECT_EQ(code(response.responses[3].error_code), ErrorCode::none);
    EXPECT_EQ(code(response.responses[4].error_code), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ((*controller).topics().size(), 1U);
    EXPECT_EQ((*controller).partition_count(), 1U);
}

TEST(DeleteTopics, can_be_forbidden) {
    ControllerOptions options;
    options.delete_topic_enable = false;
    ControllerScript controller(options);
    controller.with_brokers(1);
    controller.create("a");
    DeleteTopicsRequest request;
    request.topic_names = {"a"};
    EXPECT_EQ(code(controller.ask(std::move(request)).responses.at(0).error_code), ErrorCode::topic_deletion_disabled);
}

TEST(CreatePartitions, only_adds) {
    ControllerScript controller;
    controller.with_brokers(2);
    controller.create("a", 2);
    const auto grow = [&](std::string name, int count, std::vector<std::vector<int>> assignment = {}) {
        CreatePartitionsRequest request;
        auto& asked = request.topics.emplace_back();
        asked.name = std::move(name);
        asked.count = count;
        asked.assignments.reset();
        for (const auto& brokers : assignment) {
            if (!asked.assignments) asked.assignments.emplace();
            asked.assignments->emplace_back().broker_ids.assign(brokers.begin(), brokers.end());
        }
        return code(controller.ask(std::move(request)).results.at(0).error_code);
    };
    controller.create("__consumer_offsets", 2);
    EXPECT_EQ(grow("__consumer_offsets", 3), ErrorCode::invalid_partitions) << "its groups would be lost";
    EXPECT_EQ(grow("none", 3), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(grow("a", 2), ErrorCode::invalid_partitions);
    EXPECT_EQ(grow("a", 1), ErrorCode::invalid_partitions);
    EXPECT_EQ(grow("a", 0), ErrorCode::invalid_partitions);
    EXPECT_EQ(grow("a", 4, {{1}}), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(grow("a", 3, {{1, 2}}), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(grow("a", 3, {{2}}), ErrorCode::none);
    EXPECT_EQ(controller.partition("a", 2).leader, 2);
    EXPECT_EQ(grow("a", 5), ErrorCode::none);
    EXPECT_EQ((*controller).topic("a")->partitions.size(), 5U);
}

}  // namespace
}  // namespace ottla::broker
