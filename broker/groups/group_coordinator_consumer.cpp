// SPDX-License-Identifier: Apache-2.0
// GroupCoordinator: groups of the consumer protocol, and groups that nobody is in as they go from one protocol to the
// other.
#include <utility>

#include <fmt/format.h>

#include "broker/groups/consumer_protocol.hpp"
#include "broker/groups/group_coordinator.hpp"

namespace ottla::broker::groups {
namespace {

using protocol::ConsumerGroupHeartbeatRequest;
using protocol::ConsumerGroupHeartbeatResponse;
using protocol::JoinGroupRequest;
using protocol::JoinGroupResponse;
using DescribedConsumerGroup = protocol::ConsumerGroupDescribeResponse::DescribedGroup;

Error no_consumer_group(const std::string& group_id) {
    return Error::of(ErrorCode::group_id_not_found,
                     fmt::format("There is no group '{}' of the consumer protocol.", group_id));
}

}  // namespace

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller& caller,
                          const ConsumerGroupHeartbeatRequest& request) {
    const auto refuse = [&](const Error& error) {
        auto answer = failed<ConsumerGroupHeartbeatResponse>(error.code());
        answer.error_message = std::string(error.text());
        step.answer(ticket, std::move(answer));
    };
    const auto right = ConsumerProtocol::check(request, caller.version, settings_.consumer);
    if (!right) return refuse(right.error());
    Group* const group = find(request.group_id);
    if (group && group->consumer) {
        ConsumerProtocol consumer(*group->consumer, *image_, step);
        return step.answer(ticket, consumer.heartbeat(caller, request));
    }
    const bool is_free = !group || group->classic.is(ClassicState::empty);
    if (request.member_epoch != 0 || !is_free) return refuse(no_consumer_group(request.group_id));
    if (group) {
        timers_.cancel_group(request.group_id);
        if (group->is_recorded) step.write(classic_group_tombstone(request.group_id));
    }
    // It comes into being with its first record.
    ConsumerGroup fresh(request.group_id);
    ConsumerProtocol consumer(fresh, *image_, step);
    step.answer(ticket, consumer.heartbeat(caller, request));
}

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller&, const DescribeConsumerGroup& request) {
    const Group* const group = find(request.group_id);
    if (group && group->consumer) {
        auto told = group->consumer->described(*image_, settings_.consumer.assignors.front());
        return step.answer(ticket, std::move(told));
    }
    const Error error = no_consumer_group(request.group_id);
    auto answer = failed<DescribedConsumerGroup>(error.code());
    answer.group_id = request.group_id;
    answer.error_message = std::string(error.text());
    step.answer(ticket, std::move(answer));
}

// A classic member comes to a group that nobody of the consumer protocol is in any more.
void GroupCoordinator::join_as_classic(Turn& step, Ticket ticket, const Caller& caller, const JoinGroupRequest& request,
                                       Group& group) {
    timers_.cancel_group(request.group_id);
    ConsumerProtocol(*group.consumer, *image_, step).delete_group();
    step.decision.then = [this, ticket, caller, request](Turn& next, ErrorCode written) {
        if (written == ErrorCode::none)
            return ClassicProtocol(find_or_make(request.group_id).classic, next).join(ticket, caller, request);
        auto answer = failed<JoinGroupResponse>(written);
        answer.member_id = request.member_id;
        next.answer(ticket, std::move(answer));
    };
}

// --- records ---

bool GroupCoordinator::apply_to_consumer(const GroupRecord& record) {
    return std::visit(
        [this](const auto& one) {
            using Record = std::decay_t<decltype(one)>;
            if constexpr (requires(ConsumerGroup& group) { group.apply(one); }) {
                const std::string& group_id = one.key.group_id;
                Group* group = one.value ? &find_or_make(group_id) : find(group_id);
                if (!group || (!one.value && !group->consumer)) return true;
                if (!group->consumer) group->consumer.emplace(group_id);
                group->consumer->apply(one);
                // The last of its records.
                if (std::is_same_v<Record, GroupEpochRecord> && !one.value) group->consumer.reset();
                return true;
            } else {
                return false;
            }
        },
        record);
}

}  // namespace ottla::broker::groups
