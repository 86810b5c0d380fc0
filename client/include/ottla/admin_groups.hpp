// SPDX-License-Identifier: Apache-2.0
// What Admin asks and tells of groups: lists, descriptions, committed offsets, members to be removed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ottla/error.hpp>
#include <ottla/metadata.hpp>
#include <ottla/result.hpp>
#include <ottla/topic_partition.hpp>

namespace ottla::inline v0 {

enum class GroupState : std::uint8_t {
    unknown,
    preparing_rebalance,
    completing_rebalance,
    stable,
    dead,
    empty,
    // Of groups whose coordinator assigns (KIP-848).
    assigning,
    reconciling,
    // Of streams groups.
    not_ready,
};
// "PreparingRebalance"
std::string_view to_string(GroupState) noexcept;
// Kafka's name, however it is capitalized.
Result<GroupState> parse_group_state(std::string_view);

enum class GroupType : std::uint8_t {
    unknown,
    classic,
    consumer,
    share,
    streams,
};
// "Classic"
std::string_view to_string(GroupType) noexcept;
Result<GroupType> parse_group_type(std::string_view);

// Which groups are listed: those in one of the states (brokers from Apache Kafka 2.6 on) and of one of the types (from
// 3.8 on). Empty: all.
struct GroupFilter {
    GroupFilter() = default;
    GroupFilter(std::vector<GroupState> in_states, std::vector<GroupType> of_types = {})
        : states(std::move(in_states)),
          types(std::move(of_types)) {}

    std::vector<GroupState> states;
    std::vector<GroupType> types;
};

struct GroupListing {
    std::string group_id;
    // "consumer", "connect"; empty where nobody has joined: offsets alone.
    std::string protocol_type;
    // Unknown where the broker does not tell.
    GroupState state = GroupState::unknown;
    GroupType type = GroupType::unknown;

    // Offsets are committed to it by consumers that assign their partitions themselves.
    bool is_simple() const noexcept { return protocol_type.empty() && type != GroupType::consumer; }
};
// "group orders, Classic, Stable"
std::string to_string(const GroupListing&);

struct GroupList {
    // By id.
    std::vector<GroupListing> groups;
    // Of brokers that could not be asked: their groups may be missing.
    std::vector<Error> errors;
};
// "12 groups, 1 brokers did not answer"
std::string to_string(const GroupList&);

// What an ACL may allow; the numbers are Kafka's.
enum class AclOperation : std::int8_t {
    unknown = 0,
    any = 1,
    all = 2,
    read = 3,
    write = 4,
    create = 5,
    remove = 6,
    alter = 7,
    describe = 8,
    cluster_action = 9,
    describe_configs = 10,
    alter_configs = 11,
    idempotent_write = 12,
    create_tokens = 13,
    describe_tokens = 14,
    two_phase_commit = 15,
};
// "delete", "describe_configs"
std::string_view to_string(AclOperation) noexcept;

struct MemberDescription {
    std::string member_id;
    // group.instance.id
    std::optional<std::string> instance_id;
    std::optional<std::string> rack;
    std::string client_id;
    // As the coordinator sees it: "/10.0.0.1".
    std::string host;
    // In a group whose coordinator assigns; else -1.
    std::int32_t epoch = -1;
    // Of such a group: it still speaks the protocol of classic ones. Nothing where the broker does not tell.
    std::optional<bool> is_classic;
    // What it subscribes to: names, and of such a group perhaps a regular expression.
    std::vector<std::string> topics;
    std::optional<std::string> topic_regex;
    // By topic and partition. Of members of other protocols than "consumer" it is not read.
    std::vector<TopicPartition> assignment;
    // What it is to have when the group has settled; of classic groups, nothing.
    std::optional<std::vector<TopicPartition>> target_assignment;
};
// "member orders-1 of orders at /10.0.0.1, 3 partitions"
std::string to_string(const MemberDescription&);

struct GroupDescription {
    std::string group_id;
    // group_id_not_found; also of groups that are neither classic nor of type consumer.
    Error error;
    GroupState state = GroupState::unknown;
    GroupType type = GroupType::unknown;
    std::string protocol_type;
    // How partitions are assigned: "range", "uniform"; empty where that is not settled.
    std::string assignor;
    Node coordinator;
    // Of groups whose coordinator assigns, that of the group and that of the assignment; else -1.
    std::int32_t epoch = -1;
    std::int32_t assignment_epoch = -1;
    std::vector<MemberDescription> members;
    // With AdminOptions::include_authorized_operations, where the broker tells.
    std::optional<std::vector<AclOperation>> authorized_operations;

    bool is_simple() const noexcept { return protocol_type.empty() && type != GroupType::consumer; }
};
// "group orders, Classic, Stable, 2 members"
std::string to_string(const GroupDescription&);

struct GroupResult {
    std::string group_id;
    Error error;
};
std::string to_string(const GroupResult&);

// Partitions and offsets of one group: what is asked, and what comes back.
struct GroupOffsets {
    GroupOffsets() = default;
    GroupOffsets(std::string id, std::vector<TopicPartition> of = {})
        : group_id(std::move(id)),
          partitions(std::move(of)) {}

    std::string group_id;
    // Each with its offset (invalid where nothing is committed), metadata and error.
    std::vector<TopicPartition> partitions;
    // That of the group as a whole.
    Error error;
};
// "group orders, 6 partitions"
std::string to_string(const GroupOffsets&);

// Members of a classic group that are to leave it: static ones by group.instance.id, others by member id. None named:
// all there are.
struct MembersToRemove {
    MembersToRemove(std::string of_group, std::vector<std::string> static_members = {})
        : group_id(std::move(of_group)),
          instance_ids(std::move(static_members)) {}

    std::string group_id;
    std::vector<std::string> instance_ids;
    std::vector<std::string> member_ids;
    // For the broker's log (KIP-800).
    std::string reason;
};
std::string to_string(const MembersToRemove&);

struct RemovedMember {
    std::string member_id;
    std::optional<std::string> instance_id;
    Error error;
};
std::string to_string(const RemovedMember&);

}  // namespace ottla::inline v0
