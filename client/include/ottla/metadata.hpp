// SPDX-License-Identifier: Apache-2.0
// Metadata: the brokers, topics and partitions of a cluster, as one broker told them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ottla/error.hpp>
#include <ottla/uuid.hpp>

namespace ottla::inline v0 {

struct Node {
    std::int32_t id = -1;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;

    friend bool operator==(const Node&, const Node&) = default;
};

struct PartitionMetadata {
    std::int32_t id = -1;
    // -1: none at the moment.
    std::int32_t leader = -1;
    std::int32_t leader_epoch = -1;
    std::vector<std::int32_t> replicas;
    std::vector<std::int32_t> in_sync_replicas;
    std::vector<std::int32_t> offline_replicas;
    Error error;
};

struct TopicMetadata {
    std::string name;
    Uuid id;
    bool is_internal = false;
    // In the order of their ids.
    std::vector<PartitionMetadata> partitions;
    Error error;
};

struct Metadata {
    std::string cluster_id;
    std::int32_t controller_id = -1;
    std::vector<Node> brokers;
    std::vector<TopicMetadata> topics;

    // Null when it is not among them.
    const TopicMetadata* topic(std::string_view name) const noexcept;
};

// "1 at host:9092 (rack a)"
std::string to_string(const Node&);
std::string to_string(const PartitionMetadata&);
std::string to_string(const TopicMetadata&);
std::string to_string(const Metadata&);

}  // namespace ottla::inline v0
