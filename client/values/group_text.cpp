// SPDX-License-Identifier: Apache-2.0
// What Admin tells of groups, as text.
#include <span>

#include <fmt/format.h>
#include <boost/algorithm/string/predicate.hpp>
#include <ottla/admin_groups.hpp>

namespace ottla::inline v0 {
namespace {

template <class Value>
struct Named {
    Value value;
    std::string_view name;
};

constexpr Named<GroupState> group_states[] = {
    {GroupState::preparing_rebalance, "PreparingRebalance"},
    {GroupState::completing_rebalance, "CompletingRebalance"},
    {GroupState::stable, "Stable"},
    {GroupState::dead, "Dead"},
    {GroupState::empty, "Empty"},
    {GroupState::assigning, "Assigning"},
    {GroupState::reconciling, "Reconciling"},
    {GroupState::not_ready, "NotReady"},
};
constexpr Named<GroupType> group_types[] = {
    {GroupType::classic, "Classic"},
    {GroupType::consumer, "Consumer"},
    {GroupType::share, "Share"},
    {GroupType::streams, "Streams"},
};

template <class Value>
std::string_view name_in(std::span<const Named<Value>> table, Value value) noexcept {
    for (const auto& row : table)
        if (row.value == value) return row.name;
    return "Unknown";
}

template <class Value>
Result<Value> value_in(std::span<const Named<Value>> table, std::string_view text, std::string_view kind) {
    std::string all;
    for (const auto& row : table) {
        if (boost::algorithm::iequals(row.name, text)) return row.value;
        all += (all.empty() ? "" : ", ") + std::string(row.name);
    }
    return Error::of(ErrorCode::invalid_argument, fmt::format("'{}' is no {} of a group: {}", text, kind, all));
}

// ": error" behind what it is about, when there is one.
std::string with_error(std::string about, const Error& error) {
    return error.code() == ErrorCode::none ? about : about + ": " + to_string(error);
}

}  // namespace

std::string_view to_string(GroupState state) noexcept { return name_in<GroupState>(group_states, state); }
Result<GroupState> parse_group_state(std::string_view text) {
    return value_in<GroupState>(group_states, text, "state");
}
std::string_view to_string(GroupType type) noexcept { return name_in<GroupType>(group_types, type); }
Result<GroupType> parse_group_type(std::string_view text) { return value_in<GroupType>(group_types, text, "type"); }

std::string_view to_string(AclOperation operation) noexcept {
    switch (operation) {
        case AclOperation::any: return "any";
        case AclOperation::all: return "all";
        case AclOperation::read: return "read";
        case AclOperation::write: return "write";
        case AclOperation::create: return "create";
        case AclOperation::remove: return "delete";
        case AclOperation::alter: return "alter";
        case AclOperation::describe: return "describe";
        case AclOperation::cluster_action: return "cluster_action";
        case AclOperation::describe_configs: return "describe_configs";
        case AclOperation::alter_configs: return "alter_configs";
        case AclOperation::idempotent_write: return "idempotent_write";
        case AclOperation::create_tokens: return "create_tokens";
        case AclOperation::describe_tokens: return "describe_tokens";
        case AclOperation::two_phase_commit: return "two_phase_commit";
        case AclOperation::unknown: break;
    }
    return "unknown";
}

std::string to_string(const GroupListing& group) {
    return fmt::format("group {}, {}, {}", group.group_id, to_string(group.type), to_string(group.state));
}

std::string to_string(const GroupList& list) {
    if (list.errors.empty()) return fmt::format("{} groups", list.groups.size());
    return fmt::format("{} groups, {} brokers did not answer", list.groups.size(), list.errors.size());
}

std::string to_string(const MemberDescription& member) {
    return fmt::format("member {} of {} at {}, {} partitions", member.member_id, member.client_id, member.host,
                       member.assignment.size());
}

std::string to_string(const GroupDescription& group) {
    if (group.error.code() != ErrorCode::none) return with_error(fmt::format("group {}", group.group_id), group.error);
    return fmt::format("group {}, {}, {}, {} members", group.group_id, to_string(group.type), to_string(group.state),
                       group.members.size());
}

std::string to_string(const GroupResult& result) {
    return with_error(fmt::format("group {}", result.group_id), result.error);
}

std::string to_string(const GroupOffsets& offsets) {
    return with_error(fmt::format("group {}, {} partitions", offsets.group_id, offsets.partitions.size()),
                      offsets.error);
}

std::string to_string(const MembersToRemove& members) {
    const auto count = members.instance_ids.size() + members.member_ids.size();
    return fmt::format("group {}, {} members", members.group_id, count == 0 ? "all" : std::to_string(count));
}

std::string to_string(const RemovedMember& member) {
    return with_error(fmt::format("member {}", member.instance_id.value_or(member.member_id)), member.error);
}

}  // namespace ottla::inline v0
