// SPDX-License-Identifier: Apache-2.0
#include "client/group/membership_calls.hpp"

#include <algorithm>
#include <type_traits>

#include "client/group/classic_membership.hpp"
#include "client/group/consumer_membership.hpp"

namespace ottla::client {
namespace {

constexpr protocol::VersionRange join_versions{2, 9};
constexpr protocol::VersionRange sync_versions{1, 5};
constexpr protocol::VersionRange heartbeat_versions{1, 4};
constexpr protocol::VersionRange leave_versions{1, 5};
constexpr protocol::VersionRange describe_versions{0, 6};
// From 1 on members name themselves (KIP-1082), and patterns travel.
constexpr protocol::VersionRange consumer_heartbeat_versions{1, 1};
static_assert(protocol::JoinGroupRequest::versions.contains(join_versions));
static_assert(protocol::SyncGroupRequest::versions.contains(sync_versions));
static_assert(protocol::HeartbeatRequest::versions.contains(heartbeat_versions));
static_assert(protocol::LeaveGroupRequest::versions.contains(leave_versions));
static_assert(protocol::DescribeGroupsRequest::versions.contains(describe_versions));
static_assert(protocol::ConsumerGroupHeartbeatRequest::versions.contains(consumer_heartbeat_versions));
// From here on a leave names several members.
constexpr std::int16_t first_with_members = 3;

std::int16_t error_code_of(const protocol::DescribeGroupsResponse& answer) {
    return answer.groups.empty() ? std::int16_t{0} : answer.groups.front().error_code;
}
std::int16_t error_code_of(const auto& answer)
    requires requires { answer.error_code; }
{
    return answer.error_code;
}

template <class Request>
awaitable<Result<typename Request::Response>> ask(std::shared_ptr<Coordinator> coordinator, Request request,
                                                  protocol::VersionRange versions, Line line, TimePoint deadline) {
    auto channel = co_await Coordinator::connect(coordinator, line, deadline);
    if (!channel) co_return channel.error();
    const auto version = (*channel)->pick(static_cast<protocol::ApiKey>(Request::api_key), versions);
    if (!version) co_return version.error();
    if constexpr (std::is_same_v<Request, protocol::LeaveGroupRequest>)
        if (*version < first_with_members) {
            request.member_id = request.members.front().member_id;
            request.members.clear();
        }
    auto answer = co_await (*channel)->call(std::move(request), *version, deadline);
    const Error error = answer ? Error::of(static_cast<ErrorCode>(error_code_of(*answer))) : answer.error();
    if (is_elsewhere(error)) coordinator->forget();
    co_return answer;
}

// A member whose application commits faster than the disk takes it must not be put out for that: its heartbeats go past
// commits that pile up. A join or a sync is waited for longer, so never behind those.
Line line_of_heartbeat(const Coordinator& coordinator) {
    constexpr std::size_t pile = 4;
    const bool passes = coordinator.in_flight(Line::group) >= pile && coordinator.in_flight(Line::rebalance) == 0;
    return passes ? Line::rebalance : Line::group;
}

template <class Request>
awaitable<MembershipAnswer> ask_for(std::shared_ptr<Coordinator> coordinator, MembershipAction action,
                                    protocol::VersionRange versions, Line line) {
    auto request = std::get<Request>(std::move(action.what));
    auto answer = co_await ask(std::move(coordinator), std::move(request), versions, line, action.deadline);
    co_return MembershipAnswer(std::move(answer));
}

awaitable<MembershipAnswer> find_coordinator(std::shared_ptr<Coordinator> coordinator, MembershipAction action) {
    coordinator->forget();
    const auto found = co_await Coordinator::find(coordinator, action.deadline);
    co_return MembershipAnswer(CoordinatorFound{found ? Error() : found.error()});
}

template <class Settings>
Settings settings_of(const GroupConfig& group, const CommonConfig& common) {
    Settings s;
    s.group_id = group.id;
    s.instance_id = group.instance_id;
    if (!common.client_rack.empty()) s.rack = common.client_rack;
    s.max_poll_interval = group.max_poll_interval;
    s.retry_backoff = common.retry_backoff;
    s.retry_backoff_max = common.retry_backoff_max;
    s.request_timeout = common.socket_timeout;
    return s;
}

}  // namespace

std::unique_ptr<Membership> make_membership(const GroupConfig& group, const std::vector<Assignor>& own,
                                            const CommonConfig& common, base::Random& random) {
    if (group.protocol == GroupProtocol::consumer) {
        auto settings = settings_of<ConsumerSettings>(group, common);
        settings.assignor = group.remote_assignor;
        return std::make_unique<ConsumerMembership>(std::move(settings), random);
    }
    auto settings = settings_of<ClassicSettings>(group, common);
    for (const auto& name : group.assignors) {
        const auto at = std::ranges::find(own, name, &Assignor::name);
        settings.assignors.push_back(at == own.end() ? find_assignor(name) : &*at);
    }
    settings.session_timeout = group.session_timeout;
    settings.heartbeat_interval = group.heartbeat_interval;
    return std::make_unique<ClassicMembership>(std::move(settings), random);
}

bool is_for_coordinator(const MembershipAction& action) noexcept {
    const auto& what = action.what;
    return !std::holds_alternative<Rebalance>(what) && !std::holds_alternative<Report>(what) &&
           !std::holds_alternative<DescribeTopics>(what) && !std::holds_alternative<NameTopics>(what);
}

Error failure_of(const MembershipAnswer& answer) {
    return std::visit(
        [](const auto& a) -> Error {
            if constexpr (requires { a.error; })
                return a.error;
            else if constexpr (requires { error_code_of(*a); })
                return a ? Error::of(static_cast<ErrorCode>(error_code_of(*a))) : a.error();
            else
                return a ? Error() : a.error();
        },
        answer);
}

awaitable<MembershipAnswer> ask_coordinator(std::shared_ptr<Coordinator> coordinator, MembershipAction action) {
    using namespace protocol;
    const auto& what = action.what;
    // A join waits for the others, and nothing is to wait behind it.
    if (std::holds_alternative<JoinGroupRequest>(what))
        return ask_for<JoinGroupRequest>(std::move(coordinator), std::move(action), join_versions, Line::rebalance);
    if (std::holds_alternative<SyncGroupRequest>(what))
        return ask_for<SyncGroupRequest>(std::move(coordinator), std::move(action), sync_versions, Line::rebalance);
    if (std::holds_alternative<HeartbeatRequest>(what)) {
        const Line line = line_of_heartbeat(*coordinator);
        return ask_for<HeartbeatRequest>(std::move(coordinator), std::move(action), heartbeat_versions, line);
    }
    if (std::holds_alternative<LeaveGroupRequest>(what))
        return ask_for<LeaveGroupRequest>(std::move(coordinator), std::move(action), leave_versions, Line::group);
    if (std::holds_alternative<DescribeGroupsRequest>(what))
        return ask_for<DescribeGroupsRequest>(std::move(coordinator), std::move(action), describe_versions,
                                              Line::group);
    if (const auto* heartbeat = std::get_if<ConsumerGroupHeartbeatRequest>(&what)) {
        // Who leaves has committed what is to be committed.
        const Line line = heartbeat->member_epoch < 0 ? Line::group : line_of_heartbeat(*coordinator);
        return ask_for<ConsumerGroupHeartbeatRequest>(std::move(coordinator), std::move(action),
                                                      consumer_heartbeat_versions, line);
    }
    return find_coordinator(std::move(coordinator), std::move(action));
}

}  // namespace ottla::client
