// SPDX-License-Identifier: Apache-2.0
// The membership's loop: asks what is to be done, starts it, and waits until something has happened. Every answer, a
// failure or a deadline too, goes back to the membership.
#include <fmt/format.h>

#include "client/group/group.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {
namespace {

constexpr protocol::VersionRange join_versions{2, 9};
constexpr protocol::VersionRange sync_versions{1, 5};
constexpr protocol::VersionRange heartbeat_versions{1, 4};
constexpr protocol::VersionRange leave_versions{1, 5};
static_assert(protocol::JoinGroupRequest::versions.contains(join_versions));
static_assert(protocol::SyncGroupRequest::versions.contains(sync_versions));
static_assert(protocol::HeartbeatRequest::versions.contains(heartbeat_versions));
static_assert(protocol::LeaveGroupRequest::versions.contains(leave_versions));
// From here on a leave names several members.
constexpr std::int16_t first_with_members = 3;

template <class Request>
awaitable<Result<typename Request::Response>> ask(std::shared_ptr<Coordinator> coordinator, Request request,
                                                  protocol::VersionRange versions, Line line, TimePoint deadline) {
    auto channel = co_await Coordinator::connect(coordinator, line, deadline);
    if (!channel) co_return channel.error();
    auto answer = co_await coordinator->cluster().call(std::move(*channel), std::move(request), versions, deadline);
    const Error error = answer ? Error::of(static_cast<ErrorCode>(answer->error_code)) : answer.error();
    if (is_elsewhere(error)) coordinator->forget();
    co_return answer;
}

MembershipSettings settings_of(const GroupConfig& group, const CommonConfig& common) {
    MembershipSettings s;
    s.group_id = group.id;
    s.instance_id = group.instance_id;
    if (!common.client_rack.empty()) s.rack = common.client_rack;
    for (const auto& name : group.assignors) s.assignors.push_back(find_assignor(name));
    s.session_timeout = group.session_timeout;
    s.heartbeat_interval = group.heartbeat_interval;
    s.max_poll_interval = group.max_poll_interval;
    s.retry_backoff = common.retry_backoff;
    s.retry_backoff_max = common.retry_backoff_max;
    s.request_timeout = common.socket_timeout;
    return s;
}

}  // namespace

Group::Group(std::shared_ptr<Coordinator> coordinator, const ConsumerConfig& config, Application app)
    : coordinator_(std::move(coordinator)),
      cluster_(coordinator_->cluster().shared_from_this()),
      config_(config.group),
      cooperative_(
          std::ranges::all_of(config_.assignors, [](const auto& name) { return find_assignor(name)->cooperative; })),
      app_(std::move(app)),
      membership_(settings_of(config.group, config.common), cluster_->runtime().random()) {}

void Group::start() {
    spawn(runtime().executor(), membership_loop(shared_from_this()));
    if (config_.auto_commit) spawn(runtime().executor(), auto_commit_loop(shared_from_this()));
}

void Group::stop() {
    stopped_ = true;
    use_topics({});
    wake_.notify();
    stop_.notify();
}

awaitable<void> Group::membership_loop(std::shared_ptr<Group> self) {
    auto& runtime = self->runtime();
    Watch watch(self->wake_, runtime.executor());
    watch.add(self->cluster_->changes());
    while (!self->stopped_) {
        self->look();
        while (auto action = self->membership_.next(runtime.now())) self->perform(std::move(*action));
        self->desk_.set_identity(self->membership_.identity(), self->takes_part());
        if (self->membership_.is_away()) self->desk_.await_poll();
        if (self->closing_ && self->membership_.is_out() && !self->committing_last_) {
            self->committing_last_ = true;
            spawn(runtime.executor(), last_commit(self));
        }
        co_await watch.wait_until(runtime.timers(), std::min(self->membership_.wake_at(), self->next_look()));
    }
}

void Group::look() {
    const auto now = runtime().now();
    const auto polls = app_.delivery->polls();
    // Who waits while another's callback does not return is not polling either.
    if (polls != polls_seen_ || (app_.is_polling() && !desk_.is_busy())) membership_.on_poll(now);
    polls_seen_ = polls;
    look_at_topics();
}

void Group::perform(MembershipAction action) {
    const auto& loop = runtime().executor();
    const auto self = shared_from_this();
    auto& what = action.what;
    if (auto* rebalance = std::get_if<Rebalance>(&what)) {
        for (const auto done : desk_.put({action.call, std::move(*rebalance)}))
            membership_.on_rebalanced(done, runtime().now());
        desk_.set_identity(membership_.identity(), takes_part());
        app_.wake();
    } else if (auto* report = std::get_if<Report>(&what)) {
        runtime().log(DebugContext::cgrp).warn("{}", to_string(report->error));
        app_.tell(std::move(report->error));
    } else if (std::holds_alternative<FindCoordinator>(what)) {
        spawn(loop, find_coordinator(self, std::move(action)));
    } else if (std::holds_alternative<protocol::JoinGroupRequest>(what)) {
        spawn(loop, join(self, std::move(action)));
    } else if (std::holds_alternative<protocol::SyncGroupRequest>(what)) {
        spawn(loop, sync(self, std::move(action)));
    } else if (std::holds_alternative<protocol::HeartbeatRequest>(what)) {
        spawn(loop, heartbeat(self, std::move(action)));
    } else if (std::holds_alternative<protocol::LeaveGroupRequest>(what)) {
        spawn(loop, leave(self, std::move(action)));
    } else {
        spawn(loop, describe(self, std::move(action)));
    }
}

awaitable<void> Group::find_coordinator(std::shared_ptr<Group> self, MembershipAction action) {
    self->coordinator_->forget();
    const auto found = co_await Coordinator::find(self->coordinator_, action.deadline);
    self->membership_.on_coordinator(action.call, found ? Error() : found.error(), self->runtime().now());
    self->wake_.notify();
}

awaitable<void> Group::join(std::shared_ptr<Group> self, MembershipAction action) {
    auto request = std::get<protocol::JoinGroupRequest>(std::move(action.what));
    auto answer = co_await ask(self->coordinator_, std::move(request), join_versions, Line::rebalance, action.deadline);
    self->membership_.on_join(action.call, std::move(answer), self->runtime().now());
    self->wake_.notify();
}

awaitable<void> Group::sync(std::shared_ptr<Group> self, MembershipAction action) {
    auto request = std::get<protocol::SyncGroupRequest>(std::move(action.what));
    auto answer = co_await ask(self->coordinator_, std::move(request), sync_versions, Line::rebalance, action.deadline);
    self->membership_.on_sync(action.call, std::move(answer), self->runtime().now());
    self->wake_.notify();
}

awaitable<void> Group::heartbeat(std::shared_ptr<Group> self, MembershipAction action) {
    auto request = std::get<protocol::HeartbeatRequest>(std::move(action.what));
    auto answer =
        co_await ask(self->coordinator_, std::move(request), heartbeat_versions, Line::group, action.deadline);
    self->membership_.on_heartbeat(action.call, answer, self->runtime().now());
    self->wake_.notify();
}

awaitable<void> Group::leave(std::shared_ptr<Group> self, MembershipAction action) {
    auto request = std::get<protocol::LeaveGroupRequest>(std::move(action.what));
    auto channel = co_await Coordinator::connect(self->coordinator_, Line::group, action.deadline);
    if (channel) {
        const auto version = (*channel)->pick(protocol::ApiKey::leave_group, leave_versions);
        if (version && *version < first_with_members) {
            request.member_id = request.members.front().member_id;
            request.members.clear();
        }
        if (version) {
            const auto answer = co_await (*channel)->call(std::move(request), *version, action.deadline);
            if (!answer)
                self->runtime().log(DebugContext::cgrp).info("leaving the group: {}", to_string(answer.error()));
        }
    }
    self->membership_.on_leave(action.call);
    self->wake_.notify();
}

void Group::subscribe(Subscription subscription) {
    asio::post(runtime().executor(), [self = shared_from_this(), s = std::move(subscription)]() mutable {
        if (self->closing_ || self->stopped_) return;
        self->subscription_ = std::move(s);
        self->subscribed_ = true;
        self->missing_.clear();
        self->missing_since_ = self->runtime().now();
        self->next_match_ = TimePoint::min();
        if (!self->subscription_.has_patterns())
            self->membership_.subscribe(self->subscription_.names(), self->runtime().now());
        self->wake_.notify();
    });
}

void Group::unsubscribe() {
    asio::post(runtime().executor(), [self = shared_from_this()] {
        self->subscription_ = Subscription();
        self->subscribed_ = false;
        self->membership_.unsubscribe("the consumer unsubscribed", self->runtime().now());
        self->wake_.notify();
    });
}

void Group::close() {
    asio::post(runtime().executor(), [self = shared_from_this()] {
        self->closing_ = true;
        self->subscription_ = Subscription();
        self->membership_.unsubscribe("the consumer is closed", self->runtime().now());
        self->wake_.notify();
    });
}

void Group::poke() {
    asio::post(runtime().executor(), [self = shared_from_this()] {
        self->membership_.on_poll(self->runtime().now());
        self->wake_.notify();
    });
}

void Group::finish(RebalanceDesk::Task task, std::vector<TopicPartition> stored) {
    desk_.finish();
    asio::post(runtime().executor(), [self = shared_from_this(), t = std::move(task), o = std::move(stored)]() mutable {
        spawn(self->runtime().executor(), give_back(self, std::move(t), std::move(o)));
    });
}

}  // namespace ottla::client
