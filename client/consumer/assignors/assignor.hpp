// SPDX-License-Identifier: Apache-2.0
// Assignors: how the leader of a group shares its partitions out among the members. Pure functions of what the members
// said of themselves and of what the topics are; the order in which members or topics are named does not matter.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/assignor.hpp>

namespace ottla::client {

using PartitionMap = GroupAssignor::Partitions;
using GroupMember = GroupAssignor::Member;
using GroupTopics = GroupAssignor::Topics;
// By member id; every member is in it.
using GroupAssignment = std::map<std::string, PartitionMap>;

struct Assignor {
    // What a member sends along for the leader to read.
    enum class UserData : std::uint8_t {
        none,
        held,        // the partitions held last and their generation
        generation,  // the generation alone
        own,         // what GroupAssignor::user_data() gives
    };
    std::string_view name;
    // A member may keep its partitions while the group shares out anew (KIP-429).
    bool cooperative;
    UserData user_data;
    GroupAssignment (*assign)(const std::vector<GroupMember>&, const GroupTopics&);
    // Of the application; `assign` is then null.
    GroupAssignor* own = nullptr;
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

// One of the application's, which must outlive the row.
Assignor row_of(GroupAssignor&);
// Asks it, and checks what it says; partitions that another member of a cooperative one may hold still are kept back.
// Errors: its own; invalid_argument for an assignment that cannot be; failed when it threw. All name the assignor.
Result<GroupAssignor::Assignment> assign_by_own(const Assignor&, const std::vector<GroupMember>&, const GroupTopics&);
// What is thrown is an error.
Result<Bytes> user_data_of_own(const Assignor&, const std::vector<std::string>& topics);
Result<void> tell_own(const Assignor&, const GroupAssignor::Assigned&, const GroupMetadata&);

// The order in which members are served: those with an instance id first, by it; the others by their member id.
std::vector<const GroupMember*> in_order(const std::vector<GroupMember>&);
bool subscribes(const GroupMember&, std::string_view topic);
// `from` less what is in `taken`.
PartitionMap without(const PartitionMap& from, const PartitionMap& taken);
// Adds `added` to `to`.
void merge(PartitionMap& to, const PartitionMap& added);

}  // namespace ottla::client
