// SPDX-License-Identifier: Apache-2.0
// Assignors: how the leader of a group shares its partitions out among the members. Pure functions of what the members
// said of themselves and of what the topics are; the order in which members or topics are named does not matter.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ottla::client {

// Partitions by topic, in ascending order, each once.
using PartitionMap = std::map<std::string, std::vector<std::int32_t>, std::less<>>;

struct GroupMember {
    std::string id;
    std::optional<std::string> instance_id;
    std::optional<std::string> rack;
    std::vector<std::string> topics;  // sorted, each once
    // What it held in `generation`, and may hold still.
    PartitionMap owned;
    std::int32_t generation = -1;
};

// For each partition of a topic, from 0 on, the racks of its replicas in ascending order. A topic that is not among
// them has no partitions.
using GroupTopics = std::map<std::string, std::vector<std::vector<std::string>>, std::less<>>;
// By member id; every member is in it.
using GroupAssignment = std::map<std::string, PartitionMap>;

struct Assignor {
    // What a member sends along for the leader to read.
    enum class UserData : std::uint8_t {
        none,
        held,        // the partitions held last and their generation
        generation,  // the generation alone
    };
    std::string_view name;
    // A member may keep its partitions while the group shares out anew (KIP-429).
    bool cooperative;
    UserData user_data;
    GroupAssignment (*assign)(const std::vector<GroupMember>&, const GroupTopics&);
};

// The names are those of partition.assignment.strategy, and travel on the wire. Null: there is none of that name.
const Assignor* find_assignor(std::string_view name) noexcept;
std::span<const Assignor> all_assignors() noexcept;

// Topic by topic, ranges of consecutive partitions; members get partitions of their own rack where that keeps the
// balance, and the same numbers of topics that go together (KIP-881).
GroupAssignment assign_ranges(const std::vector<GroupMember>&, const GroupTopics&);
// All partitions of all topics, dealt out in turn.
GroupAssignment assign_round_robin(const std::vector<GroupMember>&, const GroupTopics&);
// As even as the subscriptions allow; beyond that, everybody keeps what he held (KIP-54).
GroupAssignment assign_sticky(const std::vector<GroupMember>&, const GroupTopics&);
// The same, but what another may hold still is given to nobody yet: its owner must give it back first (KIP-429).
GroupAssignment assign_cooperative_sticky(const std::vector<GroupMember>&, const GroupTopics&);

// The order in which members are served: those with an instance id first, by it; the others by their member id.
std::vector<const GroupMember*> in_order(const std::vector<GroupMember>&);
bool subscribes(const GroupMember&, std::string_view topic);
// `from` less what is in `taken`.
PartitionMap without(const PartitionMap& from, const PartitionMap& taken);
// Adds `added` to `to`.
void merge(PartitionMap& to, const PartitionMap& added);

}  // namespace ottla::client
