// SPDX-License-Identifier: Apache-2.0
// GroupCoordinator: groups of the consumer protocol, and groups that nobody is in as they go from one protocol to the
// other.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "broker/groups/consumer_protocol.hpp"
#include "broker/groups/group_coordinator.hpp"
#include "broker/groups/group_migration.hpp"

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
        return consumer_heartbeat(step, ticket, caller, request, *group->consumer);
    }
    if (request.member_epoch != 0) return refuse(no_consumer_group(request.group_id));
    if (group && group->has_members()) return upgrade(step, ticket, caller, request, *group);
    if (group) {
        timers_.cancel_group(request.group_id);
        if (group->is_recorded) step.write(classic_group_tombstone(request.group_id));
    }
    // It comes into being with its first record.
    ConsumerGroup fresh(request.group_id);
    consumer_heartbeat(step, ticket, caller, request, fresh);
}

// Its members speak the classic protocol on; each may come back with the other.
void GroupCoordinator::upgrade(Turn& step, Ticket ticket, const Caller& caller,
                               const ConsumerGroupHeartbeatRequest& request, Group& group) {
    const auto refuse = [&](const Error& error) { step.answer(ticket, ConsumerProtocol::refused(error)); };
    const auto& settings = settings_.consumer;
    if (!settings.may_upgrade() || group.classic.members().size() > static_cast<std::size_t>(settings.max_size))
        return refuse(no_consumer_group(request.group_id));
    const auto records = upgraded(group.classic, *image_);
    if (!records) return refuse(records.error());
    step.write(classic_group_tombstone(request.group_id));
    ConsumerGroup next(request.group_id);
    for (const auto& record : *records) {
        next.apply_any(record);
        step.write(record);
    }
    ConsumerProtocol consumer(next, *image_, step);
    auto answer = consumer.heartbeat(caller, request);
    if (answer.error_code != 0) {
        step.decision.records.clear();
        step.decision.then = {};
        return step.answer(ticket, std::move(answer));
    }
    step.answer(ticket, std::move(answer));
    step.decision.then = [this, group_id = request.group_id, old = group.classic](Turn& turn, ErrorCode written) {
        if (written != ErrorCode::none) return;
        timers_.cancel_group(group_id);
        constexpr auto again = ErrorCode::rebalance_in_progress;
        for (const auto& [id, member] : old.members()) {
            if (member.joining) {
                auto told = failed<JoinGroupResponse>(again);
                told.member_id = id;
                turn.answer(*member.joining, std::move(told));
            }
            if (member.syncing) turn.answer(*member.syncing, failed<protocol::SyncGroupResponse>(again));
        }
        if (Group* const upgraded_group = find(group_id))
            ConsumerProtocol(*upgraded_group->consumer, *image_, turn).resume();
    };
}

// The last member of the consumer protocol has gone: those that are left go on among themselves.
void GroupCoordinator::downgrade_if_due(Turn& step, const std::string& group_id) {
    Group* const group = find(group_id);
    if (!group || !group->consumer || !settings_.consumer.may_downgrade()) return;
    const auto& members = group->consumer->members();
    const bool all_classic = std::ranges::all_of(members, [](const auto& one) { return one.second.is_classic(); });
    if (members.empty() || !all_classic || members.size() > static_cast<std::size_t>(settings_.max_size)) return;
    ClassicGroup next = downgraded(*group->consumer, *image_, step.wall_ms);
    ConsumerProtocol consumer(*group->consumer, *image_, step);
    consumer.delete_group();
    step.write(next.record());
    step.decision.then = [this, group_id, next = std::move(next)](Turn& turn, ErrorCode written) {
        if (written != ErrorCode::none) return;
        timers_.cancel_group(group_id);
        Group& now = find_or_make(group_id);
        now.classic = next;
        ClassicProtocol(now.classic, turn).take_over();
    };
}

void GroupCoordinator::consumer_heartbeat(Turn& step, Ticket ticket, const Caller& caller,
                                          const ConsumerGroupHeartbeatRequest& request, ConsumerGroup& group) {
    ConsumerProtocol consumer(group, *image_, step);
    auto answer = consumer.heartbeat(caller, request);
    // Not within the heartbeat: there may be many topics.
    if (answer.error_code == 0 && consumer.has_regexes_to_resolve(topics_changed_at_))
        timers_.set({request.group_id, TimerKind::regex, {}}, step.now);
    step.answer(ticket, std::move(answer));
}

void GroupCoordinator::resolve_regexes(Turn& step, Group& group) {
    if (!group.regex_run) group.regex_run.emplace(image_, group.consumer->used_regexes());
    if (!group.regex_run->step(regex_matches_per_turn)) {
        timers_.set({group.consumer->id(), TimerKind::regex, {}}, step.after(std::chrono::milliseconds(1)));
        return;
    }
    const RegexRun done = *std::exchange(group.regex_run, std::nullopt);
    ConsumerProtocol(*group.consumer, *image_, step).resolved(done.resolved(), done.version());
}

void GroupCoordinator::take_image(std::shared_ptr<const MetadataImage> image) {
    // An image shares what did not change.
    if (&image->topics() != &image_->topics()) topics_changed_at_ = image->offset();
    image_ = std::move(image);
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
                if (std::is_same_v<Record, GroupEpochRecord> && !one.value) {
                    group->consumer.reset();
                    group->regex_run.reset();
                }
                return true;
            } else {
                return false;
            }
        },
        record);
}

}  // namespace ottla::broker::groups
