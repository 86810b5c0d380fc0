// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/consumer_protocol.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "broker/groups/consumer_records.hpp"
#include "broker/groups/group_configs.hpp"
#include "broker/groups/topic_hash.hpp"

namespace ottla::broker::groups {
namespace {

using Request = ConsumerProtocol::Request;
using Response = ConsumerProtocol::Response;

constexpr std::int16_t client_makes_id_from = 1;

Error wrong(std::string text) { return Error::of(ErrorCode::invalid_request, std::move(text)); }

Result<void> check_join(const Request& request) {
    if (request.rebalance_timeout_ms == -1) return wrong("RebalanceTimeoutMs must be there when joining.");
    if (!request.topic_partitions || !request.topic_partitions->empty())
        return wrong("TopicPartitions must be empty when joining.");
    if (!request.subscribed_topic_names && !request.subscribed_topic_regex)
        return wrong("SubscribedTopicNames or SubscribedTopicRegex must be there when joining.");
    return ok();
}

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

// It has no more than it should.
bool is_part_of(const std::optional<std::vector<Request::TopicPartitions>>& owned, const OwnedPartitions& assigned) {
    if (!owned) return false;
    return std::ranges::all_of(*owned, [&](const auto& one) {
        return std::ranges::all_of(one.partitions,
                                   [&](std::int32_t number) { return contains(assigned, one.topic_id, number); });
    });
}

bool is_full(const Request& request) {
    const bool has_subscription = request.subscribed_topic_names || request.subscribed_topic_regex;
    return request.rebalance_timeout_ms != -1 && has_subscription && request.topic_partitions;
}

void tell(MemberProfile& profile, const Caller& caller, const Request& request) {
    if (request.instance_id) profile.instance_id = request.instance_id;
    if (request.rack_id) profile.rack_id = request.rack_id;
    if (request.rebalance_timeout_ms != -1) profile.rebalance_timeout_ms = request.rebalance_timeout_ms;
    if (request.server_assignor) profile.server_assignor = request.server_assignor;
    if (request.subscribed_topic_regex) profile.regex = *request.subscribed_topic_regex;
    if (request.subscribed_topic_names) {
        const ConsumerGroup::Names names(request.subscribed_topic_names->begin(),
                                         request.subscribed_topic_names->end());
        profile.topics.assign(names.begin(), names.end());
    }
    profile.client_id = caller.client_id;
    profile.client_host = caller.client_host;
    profile.classic.reset();
}

}  // namespace

Result<void> ConsumerProtocol::check(const Request& request, std::int16_t version, const ConsumerSettings& settings) {
    if (is_blank(request.group_id)) return wrong("GroupId must not be empty.");
    if (request.instance_id && is_blank(*request.instance_id)) return wrong("InstanceId must not be empty.");
    if (request.rack_id && is_blank(*request.rack_id)) return wrong("RackId must not be empty.");
    if (request.member_id.empty() && (version >= client_makes_id_from || request.member_epoch != 0))
        return wrong("MemberId must not be empty.");
    if (request.member_epoch < static_leave_epoch)
        return wrong(fmt::format("MemberEpoch is {}, which is none.", request.member_epoch));
    if (request.member_epoch == static_leave_epoch && !request.instance_id)
        return wrong("InstanceId must be there when a static member leaves for a while.");
    if (request.member_epoch == 0) {
        if (auto right = check_join(request); !right) return right;
    }
    if (request.server_assignor && std::ranges::count(settings.assignors, *request.server_assignor) == 0) {
        return Error::of(ErrorCode::unsupported_assignor,
                         fmt::format("There is no assignor '{}'; there are: {}.", *request.server_assignor,
                                     fmt::join(settings.assignors, ", ")));
    }
    return ok();
}

Response ConsumerProtocol::heartbeat(const Caller& caller, const Request& request) {
    if (request.member_epoch == leave_epoch || request.member_epoch == static_leave_epoch) return leave(request);
    auto step = begin(caller, request);
    if (!step) return refused(step.error());
    const auto* const owned = request.topic_partitions ? &*request.topic_partitions : nullptr;
    if (auto done = take_step(*step, owned); !done) return refused(done.error());
    return answer(*step, request);
}

Result<void> ConsumerProtocol::take_step(Step& step, const Reconciliation::Owned* owned) {
    if (auto right = check_regex(step); !right) return right;
    if (!step.replaced.empty()) replace(*group_.find(step.replaced), step.old);
    if (step.next.profile != step.old.profile || !group_.find(step.next.id))
        turn_.write(member_record(group_.id(), step.next));
    const bool deals_regex = change_regex(step);
    const bool has_other_topics = step.next.profile.topics != step.old.profile.topics;
    step.is_new_subscription = has_other_topics || step.next.profile.regex != step.old.profile.regex;
    raise_epoch(step, has_other_topics || deals_regex);

    const TopicPartitions target = target_for(step);
    const std::int32_t assignment_epoch = step.is_dealt ? step.epoch : group_.assignment_epoch();
    if (auto done = reconcile_member(step, owned, target, assignment_epoch); !done) {
        turn_.decision.records.clear();
        turn_.decision.then = {};
        return done;
    }
    heard_of(step.next);
    return ok();
}

Response ConsumerProtocol::answer(const Step& step, const Request& request) const {
    Response response;
    response.member_id = step.next.id;
    response.member_epoch = step.next.position.epoch;
    response.heartbeat_interval_ms = next_heartbeat_ms(step);
    const bool has_changed = step.next.position.assigned != step.old.position.assigned;
    if (request.member_epoch != 0 && !is_full(request) && !has_changed) return response;
    auto& assignment = response.assignment.emplace();
    for (const auto& [topic, partitions] : step.next.position.assigned) {
        auto& one = assignment.topic_partitions.emplace_back();
        one.topic_id = topic;
        for (const auto& [number, epoch] : partitions) one.partitions.push_back(number);
    }
    return response;
}

// Members hear of partitions by their heartbeats alone. So those that wait for others, and all while the group was
// dealt to lately and more is likely to come, are asked to be heard of sooner; not by too many at once.
std::int32_t ConsumerProtocol::next_heartbeat_ms(const Step& step) const {
    const auto& settings = turn_.settings.consumer;
    const std::int32_t usual = heartbeat_interval_ms(image_, group_.id(), settings);
    if (settings.rebalance_heartbeat_interval_ms == 0) return usual;
    const bool is_to_be_dealt = step.epoch > group_.assignment_epoch();
    const std::int64_t age_ms = turn_.wall_ms - group_.dealt_at_ms();
    const bool is_calm = !is_to_be_dealt && (age_ms < 0 || age_ms >= usual);
    if (is_calm && step.next.position.state != MemberState::unreleased_partitions) return usual;
    const auto members = static_cast<std::int64_t>(group_.members().size()) + 1;
    const std::int64_t soon = std::max<std::int64_t>(settings.rebalance_heartbeat_interval_ms,
                                                     members * 1'000 / rebalance_heartbeats_per_s_max);
    return static_cast<std::int32_t>(std::min<std::int64_t>(usual, soon));
}

// --- who it is ---

Result<ConsumerProtocol::Step> ConsumerProtocol::begin(const Caller& caller, const Request& request) {
    const std::string member_id = request.member_id.empty() ? to_string(turn_.random.uuid()) : request.member_id;
    if (auto right = check_room(member_id); !right) return right.error();
    Step step;
    auto member = find_member(request, member_id, step.replaced);
    if (!member) return member.error();
    step.old = std::move(*member);
    step.next = step.old;
    tell(step.next.profile, caller, request);
    return step;
}

Result<void> ConsumerProtocol::check_room(const std::string& member_id) const {
    const bool is_full_up = group_.members().size() >= static_cast<std::size_t>(turn_.settings.consumer.max_size);
    if (is_full_up && !group_.find(member_id)) {
        return Error::of(
            ErrorCode::group_max_size_reached,
            fmt::format("Group '{}' has {} members, and may not have more.", group_.id(), group_.members().size()));
    }
    return ok();
}

ConsumerMember ConsumerProtocol::in_place_of(const ConsumerMember& holder, const std::string& member_id) {
    ConsumerMember member = holder;
    member.id = member_id;
    member.position.epoch = 0;
    member.position.previous_epoch = 0;
    member.position.assigned = from_the_begin(std::move(member.position.assigned));
    return member;
}

Result<ConsumerMember> ConsumerProtocol::find_member(const Request& request, const std::string& member_id,
                                                     std::string& replaced) const {
    if (request.instance_id) return find_static(request, member_id, replaced);
    const ConsumerMember* const member = group_.find(member_id);
    if (!member && request.member_epoch == 0) return ConsumerMember{member_id, {}, {}};
    if (!member) {
        return Error::of(ErrorCode::unknown_member_id,
                         fmt::format("Member '{}' is not in group '{}'.", member_id, group_.id()));
    }
    if (auto right = check_epoch(*member, request); !right) return right.error();
    return *member;
}

Result<ConsumerMember> ConsumerProtocol::find_static(const Request& request, const std::string& member_id,
                                                     std::string& replaced) const {
    const ConsumerMember* const holder = group_.static_member(*request.instance_id);
    if (request.member_epoch != 0) {
        if (!holder) {
            return Error::of(ErrorCode::unknown_member_id,
                             fmt::format("Instance '{}' is not in group '{}'.", *request.instance_id, group_.id()));
        }
        if (holder->id != member_id) {
            return Error::of(ErrorCode::fenced_instance_id,
                             fmt::format("Instance '{}' of group '{}' is member '{}' by now, not '{}'.",
                                         *request.instance_id, group_.id(), holder->id, member_id));
        }
        if (auto right = check_epoch(*holder, request); !right) return right.error();
        return *holder;
    }
    if (!holder) {
        // Under its id it may have been a dynamic one.
        const ConsumerMember* const member = group_.find(member_id);
        return member ? *member : ConsumerMember{member_id, {}, {}};
    }
    // Unlike the classic protocol, this one refuses the second: the first must have said that it goes.
    if (!holder->is_classic() && holder->position.epoch != static_leave_epoch) {
        return Error::of(ErrorCode::unreleased_instance_id,
                         fmt::format("Instance '{}' of group '{}' is member '{}', which has not left.",
                                     *request.instance_id, group_.id(), holder->id));
    }
    replaced = holder->id;
    return in_place_of(*holder, member_id);
}

Result<void> ConsumerProtocol::check_epoch(const ConsumerMember& member, const Request& request) const {
    const std::int32_t epoch = request.member_epoch;
    const MemberPosition& position = member.position;
    if (epoch == 0 || epoch == position.epoch) return ok();
    // The answer with the newer epoch may have been lost.
    if (epoch < position.epoch && epoch == position.previous_epoch &&
        is_part_of(request.topic_partitions, position.assigned))
        return ok();
    return Error::of(ErrorCode::fenced_member_epoch,
                     fmt::format("Member '{}' of group '{}' says it is in epoch {}, and is in {}. It must give up all "
                                 "its partitions and join again.",
                                 member.id, group_.id(), epoch, position.epoch));
}

// The place of the static member that has gone, under the new id: no rebalance.
void ConsumerProtocol::replace(const ConsumerMember& old, const ConsumerMember& next) {
    tombstones_of(old.id);
    turn_.write(member_record(group_.id(), next));
    turn_.write(target_record(group_.id(), next.id, group_.target(old.id)));
    turn_.write(position_record(group_.id(), next));
    if (old.id != next.id) forget({old.id});
}

}  // namespace ottla::broker::groups
