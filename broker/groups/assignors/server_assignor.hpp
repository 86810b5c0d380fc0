// SPDX-License-Identifier: Apache-2.0
// The assignors of the consumer protocol (KIP-848): who is to have which partitions. Pure; the same group gives the
// same assignment. A file each, and one row in the table.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "broker/groups/consumer_member.hpp"

namespace ottla::broker::groups {

struct AssignorMember {
    std::string_view id;
    std::optional<std::string_view> instance_id;
    const std::vector<Uuid>* topics = nullptr;  // that it reads, in order, each once
    const TopicPartitions* current = nullptr;   // what it was to have before
};

struct AssignorGroup {
    std::vector<AssignorMember> members;      // by their ids
    std::map<Uuid, std::int32_t> partitions;  // of every topic that somebody reads

    // All read the same.
    bool is_homogeneous() const;
};

// What each member is to have, in their order. Every partition of a topic that somebody reads is one's who reads it.
using Assigned = std::vector<TopicPartitions>;

struct ServerAssignor {
    std::string_view name;
    Assigned (*assign)(const AssignorGroup&);
};

// As even as the subscriptions allow, and nothing moves without need.
Assigned assign_uniform(const AssignorGroup&);
// Of every topic, each member that reads it gets neighbouring partitions, the same of all topics that are alike.
Assigned assign_range(const AssignorGroup&);

std::span<const ServerAssignor> server_assignors() noexcept;
// Null when there is none of that name.
const ServerAssignor* find_server_assignor(std::string_view name) noexcept;

}  // namespace ottla::broker::groups
