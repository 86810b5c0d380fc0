// SPDX-License-Identifier: Apache-2.0
// GroupCoordinator: what operators ask for: groups listed, described and deleted, offsets deleted.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/algorithm/string/predicate.hpp>

#include "broker/groups/consumer_protocol.hpp"
#include "broker/groups/group_coordinator.hpp"

namespace ottla::broker::groups {
namespace {

using protocol::ListGroupsResponse;
using protocol::OffsetDeleteRequest;
using protocol::OffsetDeleteResponse;
using DescribedGroup = protocol::DescribeGroupsResponse::DescribedGroup;
using DeletedGroup = protocol::DeleteGroupsResponse::DeletableGroupResult;

constexpr std::int16_t tells_not_found_from = 6;
constexpr std::string_view classic_type = "classic";
constexpr std::string_view consumer_type = "consumer";

bool passes(const std::vector<std::string>& wanted, std::string_view word) {
    if (wanted.empty()) return true;
    return std::ranges::any_of(wanted, [&](const auto& one) { return boost::algorithm::iequals(one, word); });
}

DescribedGroup unknown_group(const std::string& group_id, std::int16_t version) {
    DescribedGroup answer;
    answer.group_id = group_id;
    answer.group_state = "Dead";
    if (version < tells_not_found_from) return answer;
    answer.error_code = static_cast<std::int16_t>(ErrorCode::group_id_not_found);
    answer.error_message = fmt::format("There is no group '{}'.", group_id);
    return answer;
}

ErrorCode check_offset_delete(const ClassicGroup* group, const std::string& group_id) {
    if (group_id.empty()) return ErrorCode::invalid_group_id;
    if (!group) return ErrorCode::group_id_not_found;
    // Of other groups nobody knows what their members read.
    const bool may_read_any = !group->is(ClassicState::empty) && !group->is_of_consumers();
    return may_read_any ? ErrorCode::non_empty_group : ErrorCode::none;
}

}  // namespace

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller& caller, const DescribeGroup& request) {
    const Group* const group = find(request.group_id);
    const bool is_classic = group && !group->consumer;
    step.answer(ticket, is_classic ? group->classic.described() : unknown_group(request.group_id, caller.version));
}

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller&, const ListGroups& request) {
    ListGroupsResponse answer;
    for (const auto& [id, group] : groups_) {
        const auto state = group.consumer ? group.consumer->state_name() : name_of(group.classic.state());
        const auto type = group.consumer ? consumer_type : classic_type;
        if (!passes(request.states, state) || !passes(request.types, type)) continue;
        auto& one = answer.groups.emplace_back();
        one.group_id = id;
        one.protocol_type = group.consumer ? "consumer" : group.classic.protocol_type();
        one.group_state = state;
        one.group_type = type;
    }
    step.answer(ticket, std::move(answer));
}

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller&, const DeleteGroup& request) {
    DeletedGroup answer;
    answer.group_id = request.group_id;
    const Group* const group = find(request.group_id);
    if (!group) {
        answer.error_code = static_cast<std::int16_t>(ErrorCode::group_id_not_found);
    } else if (group->has_members()) {
        answer.error_code = static_cast<std::int16_t>(ErrorCode::non_empty_group);
    }
    if (answer.error_code != 0) return step.answer(ticket, std::move(answer));
    delete_group(step, ticket, request.group_id);
}

// Many offsets do not fit into one batch: then the last batch brings the group's own record, and the answer.
void GroupCoordinator::delete_group(Turn& step, Ticket ticket, const std::string& group_id) {
    const auto any = [](const GroupOffsets::Place&) { return true; };
    const Group* const group = find(group_id);
    BatchRoom room;
    if (!group || !drop_offsets(step, *group, any, room)) {
        write_group_tombstones(step, group_id);
        DeletedGroup answer;
        answer.group_id = group_id;
        return step.answer(ticket, std::move(answer));
    }
    step.decision.then = [this, ticket, group_id](Turn& next, ErrorCode written) {
        if (written == ErrorCode::none) return delete_group(next, ticket, group_id);
        auto answer = failed<DeletedGroup>(written);
        answer.group_id = group_id;
        next.answer(ticket, std::move(answer));
    };
}

void GroupCoordinator::write_group_tombstones(Turn& step, const std::string& group_id) {
    Group* const group = find(group_id);
    if (group && group->consumer) return ConsumerProtocol(*group->consumer, *image_, step).delete_group();
    step.write(classic_group_tombstone(group_id));
}

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller&, const OffsetDeleteRequest& request) {
    const Group* const group = find(request.group_id);
    const ErrorCode wrong = check_offset_delete(group ? &group->classic : nullptr, request.group_id);
    if (wrong != ErrorCode::none) return step.answer(ticket, failed<OffsetDeleteResponse>(wrong));
    OffsetDeleteResponse answer;
    for (const auto& topic : request.topics) {
        auto& told = answer.topics.emplace_back();
        told.name = topic.name;
        const bool is_read = group->is_subscribed_to(topic.name);
        const auto code = is_read ? ErrorCode::group_subscribed_to_topic : ErrorCode::none;
        for (const auto& partition : topic.partitions) {
            auto& one = told.partitions.emplace_back();
            one.partition_index = partition.partition_index;
            one.error_code = static_cast<std::int16_t>(code);
            if (!is_read && group->offsets.has(topic.name, partition.partition_index))
                step.write(offset_tombstone(request.group_id, topic.name, partition.partition_index));
        }
    }
    step.answer(ticket, std::move(answer));
}

}  // namespace ottla::broker::groups
