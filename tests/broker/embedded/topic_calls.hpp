// SPDX-License-Identifier: Apache-2.0
// Topics of a SimulatedCluster that are made, altered and deleted as a client does it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <ottla/protocol/messages/create_topics_request.hpp>
#include <ottla/protocol/messages/create_topics_response.hpp>
#include <ottla/protocol/messages/delete_topics_request.hpp>
#include <ottla/protocol/messages/delete_topics_response.hpp>
#include <ottla/protocol/messages/incremental_alter_configs_request.hpp>
#include <ottla/protocol/messages/incremental_alter_configs_response.hpp>
#include "tests/broker/embedded/simulated_cluster.hpp"

namespace ottla::broker {

using Configs = std::vector<std::pair<std::string, std::string>>;

// Of one partition, on broker 1.
inline void create_topic(SimulatedCluster& cluster, const std::string& name, const Configs& configs) {
    protocol::CreateTopicsRequest request;
    request.timeout_ms = 5000;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    for (const auto& [key, value] : configs) {
        auto& config = topic.configs.emplace_back();
        config.name = key;
        config.value = value;
    }
    const auto response = cluster.call(1, std::move(request), 7);
    ASSERT_TRUE(response.has_value());
    ASSERT_EQ(response->topics.at(0).error_code, 0) << response->topics.at(0).error_message.value_or("");
}

inline void delete_topic(SimulatedCluster& cluster, const std::string& name) {
    protocol::DeleteTopicsRequest request;
    request.timeout_ms = 5000;
    request.topic_names.push_back(name);
    const auto response = cluster.call(1, std::move(request), 5);
    ASSERT_TRUE(response.has_value());
    ASSERT_EQ(response->responses.at(0).error_code, 0);
}

// `type`: 2 for a topic, 4 for a broker; a broker without a name stands for all of them.
inline void set_config(SimulatedCluster& cluster, std::int8_t type, const std::string& resource_name,
                       const std::string& key, const std::string& value) {
    protocol::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = resource_name;
    auto& config = resource.configs.emplace_back();
    config.name = key;
    config.value = value;
    const auto response = cluster.call(1, std::move(request), 1);
    ASSERT_TRUE(response.has_value());
    ASSERT_EQ(response->responses.at(0).error_code, 0) << response->responses.at(0).error_message.value_or("");
}
inline void set_topic_config(SimulatedCluster& cluster, const std::string& topic, const std::string& key,
                             const std::string& value) {
    set_config(cluster, 2, topic, key, value);
}

}  // namespace ottla::broker
