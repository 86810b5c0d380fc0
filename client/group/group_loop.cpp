// SPDX-License-Identifier: Apache-2.0
// The membership's loop: asks what is to be done, starts it, and waits until something has happened. Every answer, a
// failure or a deadline too, goes back to the membership.
#include <fmt/format.h>

#include "client/group/group.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {
namespace {

std::vector<Assignor> rows_of(const std::vector<std::shared_ptr<GroupAssignor>>& own) {
    std::vector<Assignor> rows;
    for (const auto& one : own) rows.push_back(row_of(*one));
    return rows;
}

}  // namespace

Group::Group(std::shared_ptr<Coordinator> coordinator, const ConsumerConfig& config, Application app)
    : coordinator_(std::move(coordinator)),
      cluster_(coordinator_->cluster().shared_from_this()),
      config_(config.group),
      own_assignors_(rows_of(config_.own_assignors)),
      membership_(make_membership(config.group, own_assignors_, config.common, cluster_->runtime().random())),
      app_(std::move(app)),
      state_since_(runtime().now()) {}

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
        while (auto action = self->membership_->next(runtime.now())) self->perform(std::move(*action));
        self->publish_identity();
        self->log_state();
        if (self->membership_->is_away()) self->desk_.await_poll();
        if (self->unsubscribe_seen_ != self->asked_back_ && !self->membership_->has_rebalances()) {
            self->asked_back_ = self->unsubscribe_seen_;
            self->app_.wake();
        }
        if (self->closing_ && self->membership_->is_out() && !self->committing_last_) {
            self->committing_last_ = true;
            spawn(runtime.executor(), last_commit(self));
        }
        co_await watch.wait_until(runtime.timers(), std::min(self->membership_->wake_at(), self->next_look()));
    }
}

void Group::look() {
    const auto now = runtime().now();
    const auto polls = app_.delivery->polls();
    // Who waits while another's callback does not return is not polling either.
    if (polls != polls_seen_ || (app_.is_polling() && !desk_.is_busy())) membership_->on_poll(now);
    polls_seen_ = polls;
    look_at_topics();
}

void Group::perform(MembershipAction action) {
    const auto& loop = runtime().executor();
    const auto self = shared_from_this();
    auto& what = action.what;
    if (is_for_coordinator(action)) {
        spawn(loop, ask(self, std::move(action)));
    } else if (auto* rebalance = std::get_if<Rebalance>(&what)) {
        note_rebalance(*rebalance);
        for (const auto done : desk_.put({action.call, std::move(*rebalance)}))
            membership_->on_rebalanced(done, runtime().now());
        publish_identity();
        app_.wake();
    } else if (auto* report = std::get_if<Report>(&what)) {
        runtime().log(DebugContext::cgrp).warn("{}", to_string(report->error));
        app_.tell(std::move(report->error));
    } else if (std::holds_alternative<DescribeTopics>(what)) {
        spawn(loop, describe(self, std::move(action)));
    } else {
        spawn(loop, name_topics(self, std::move(action)));
    }
}

awaitable<void> Group::ask(std::shared_ptr<Group> self, MembershipAction action) {
    const auto call = action.call;
    auto answer = co_await ask_coordinator(self->coordinator_, std::move(action));
    if (const auto error = failure_of(answer); error.code() != ErrorCode::none)
        self->runtime()
            .log(DebugContext::cgrp)
            .debug("group '{}': the coordinator was asked in vain: {}", self->config_.id, to_string(error));
    self->answered(call, std::move(answer));
}

void Group::answered(std::uint64_t call, MembershipAnswer answer) {
    membership_->on_answer(call, std::move(answer), runtime().now());
    publish_identity();
    wake_.notify();
}

void Group::publish_identity() {
    desk_.set_identity(membership_->identity(), takes_part());
    if (config_.protocol == GroupProtocol::consumer) coordinator_->set_member(membership_->identity());
}

void Group::log_state() {
    const auto state = membership_->state_name();
    if (state == std::exchange(state_logged_, state)) return;
    state_since_ = runtime().now();
    const auto& who = membership_->identity();
    runtime().log(DebugContext::cgrp).debug("member '{}', {}: {}", who.member_id, who.generation, state);
}

void Group::note_rebalance(const Rebalance& rebalance) {
    using enum Rebalance::Kind;
    ++rebalances_;
    rebalanced_at_ = runtime().now();
    rebalance_reason_ = rebalance.kind == assigned ? "partitions were assigned"
                        : rebalance.kind == lost   ? "the membership was lost"
                                                   : "partitions are given back";
    const base::Log& log = runtime().log(DebugContext::cgrp);
    if (!log.enabled(base::LogLevel::debug)) return;
    std::string all;
    for (const auto& [topic, numbers] : rebalance.partitions)
        for (const auto number : numbers) all += fmt::format(" {}[{}]", topic, number);
    log.debug("group '{}', generation {}: {}:{}", config_.id, membership_->identity().generation, rebalance_reason_,
              all.empty() ? " none" : all);
}

void Group::subscribe(Subscription subscription) {
    asio::post(runtime().executor(), [self = shared_from_this(), s = std::move(subscription)]() mutable {
        if (self->closing_ || self->stopped_) return;
        self->subscription_ = std::move(s);
        self->subscribed_ = true;
        self->missing_.clear();
        self->idle_patterns_.clear();
        self->missing_since_ = self->runtime().now();
        self->next_match_ = TimePoint::min();
        if (!self->subscription_.has_patterns())
            self->membership_->subscribe(self->subscription_.selection(), self->runtime().now());
        self->wake_.notify();
    });
}

std::uint64_t Group::unsubscribe() {
    const auto call = ++unsubscribes_;
    asio::post(runtime().executor(), [self = shared_from_this(), call] {
        self->unsubscribe_seen_ = call;
        self->subscription_ = Subscription();
        self->subscribed_ = false;
        self->membership_->unsubscribe("the consumer unsubscribed", self->runtime().now());
        self->wake_.notify();
    });
    return call;
}

void Group::close() {
    asio::post(runtime().executor(), [self = shared_from_this()] {
        self->closing_ = true;
        self->subscription_ = Subscription();
        self->membership_->unsubscribe("the consumer is closed", self->runtime().now());
        self->wake_.notify();
    });
}

void Group::poke() {
    asio::post(runtime().executor(), [self = shared_from_this()] {
        self->membership_->on_poll(self->runtime().now());
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
