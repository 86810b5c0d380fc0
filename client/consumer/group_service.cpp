// SPDX-License-Identifier: Apache-2.0
// The part of ConsumerCore that belongs to a group: whoever polls deals with the rebalances first.
#include <exception>

#include <fmt/format.h>

#include "client/consumer/consumer_core.hpp"
#include "client/runtime/spawn.hpp"

namespace ottla::client {
namespace {

std::vector<TopicPartition> as_list(const PartitionMap& map) {
    std::vector<TopicPartition> list;
    for (const auto& [topic, numbers] : map)
        for (const auto p : numbers) list.emplace_back(topic, p, Offset::stored());
    return list;
}

}  // namespace

void ConsumerCore::make_group() {
    if (config_.group.auto_store) delivery_->store_what_was_returned();
    Group::Application app;
    app.delivery = delivery_;
    const std::weak_ptr<Fetcher> fetcher = fetcher_;
    app.wake = [queue = queue_, fetcher] {
        queue->wake();
        if (const auto there = fetcher.lock()) there->arrivals().notify();
    };
    app.tell = [fetcher](Event event) {
        if (const auto there = fetcher.lock()) there->tell(std::move(event));
    };
    app.is_polling = [waiting = waiting_] { return waiting->load() > 0; };
    group_ = std::make_shared<Group>(coordinator_, config_, std::move(app));
}

bool ConsumerCore::serve_all() {
    while (is_rebalancing())
        if (!serve_group() && is_rebalancing()) return false;
    return true;
}

std::vector<TopicPartition> ConsumerCore::partitions_of(const RebalanceDesk::Task& task) {
    return as_list(task.rebalance.partitions);
}

std::optional<RebalanceDesk::Task> ConsumerCore::begin_rebalance() {
    delivery_->returned();
    if (group_->desk().take_poll_wanted()) group_->poke();
    auto task = group_->desk().take();
    if (!task) return std::nullopt;
    // Whoever has to wait for another's callback moves nothing on.
    delivery_->polled();
    if (task->rebalance.kind != Rebalance::Kind::assigned) return task;
    if (auto done = delivery_->incremental_assign(partitions_of(*task)); !done)
        runtime_->log(DebugContext::cgrp).error("a rebalance: {}", to_string(done.error()));
    return task;
}

void ConsumerCore::end_rebalance(RebalanceDesk::Task task) {
    const auto kind = task.rebalance.kind;
    std::vector<TopicPartition> stored;
    if (kind != Rebalance::Kind::assigned) {
        const auto partitions = partitions_of(task);
        if (kind == Rebalance::Kind::revoked && config_.group.auto_commit) stored = delivery_->to_commit(partitions);
        if (auto done = delivery_->incremental_unassign(partitions); !done)
            runtime_->log(DebugContext::cgrp).error("a rebalance: {}", to_string(done.error()));
    }
    group_->finish(std::move(task), std::move(stored));
    wake_waiting();
}

std::optional<Event> ConsumerCore::serve_group() {
    for (auto task = begin_rebalance(); task; task = begin_rebalance())
        if (auto event = serve(std::move(*task))) return event;
    return std::nullopt;
}

std::optional<Event> ConsumerCore::serve(RebalanceDesk::Task task) {
    using enum Rebalance::Kind;
    std::shared_ptr<RebalanceCallbacks> callbacks;
    {
        const std::lock_guard lock(subscription_mutex_);
        callbacks = callbacks_;
    }
    const auto kind = task.rebalance.kind;
    const auto partitions = partitions_of(task);
    if (callbacks && kind == assigned) call_back(callbacks->assigned, partitions);
    if (callbacks && kind != assigned)
        call_back(kind == lost && callbacks->lost ? callbacks->lost : callbacks->revoked, partitions);
    end_rebalance(std::move(task));
    if (callbacks) return std::nullopt;
    if (kind == assigned) return std::optional<Event>(std::in_place, AssignedPartitions{partitions});
    return std::optional<Event>(std::in_place, RevokedPartitions{partitions, kind == lost});
}

void ConsumerCore::call_back(RebalanceCallbacks::Callback& callback, const std::vector<TopicPartition>& partitions) {
    if (!callback) return;
    // A handle for the time of the call: it must not close what it is lent.
    Consumer lent(shared_from_this());
    called_back_ = std::this_thread::get_id();
    try {
        callback(lent, partitions);
    } catch (const std::exception& thrown) {
        runtime_->log(DebugContext::cgrp).error("a rebalance callback threw: {}", thrown.what());
    } catch (...) {
        runtime_->log(DebugContext::cgrp).error("a rebalance callback threw");
    }
    called_back_ = decltype(std::this_thread::get_id())();
    lent.core_.reset();
}

Error ConsumerCore::without_group(std::string_view call) const {
    return Error::of(ErrorCode::not_configured, fmt::format("{} needs a group: set group.id", call));
}

Result<void> ConsumerCore::subscribe(std::vector<std::string> topics, RebalanceCallbacks callbacks) {
    if (!group_) return without_group("subscribe");
    if (topics.empty()) return unsubscribe();
    auto subscription = Subscription::parse(std::move(topics));
    if (!subscription) return subscription.error().with_context("subscribe");
    return subscribe(std::move(*subscription), std::move(callbacks));
}

Result<void> ConsumerCore::subscribe(const SubscriptionPattern& pattern, RebalanceCallbacks callbacks) {
    if (!group_) return without_group("subscribe");
    if (config_.group.protocol != GroupProtocol::consumer)
        return Error::of(ErrorCode::not_configured,
                         "subscribe: a pattern that the coordinator matches needs group.protocol=consumer; a topic "
                         "name that begins with ^ is one that the consumer matches itself");
    auto subscription = Subscription::of(pattern);
    if (!subscription) return subscription.error().with_context("subscribe");
    return subscribe(std::move(*subscription), std::move(callbacks));
}

Result<void> ConsumerCore::subscribe(Subscription subscription, RebalanceCallbacks callbacks) {
    const std::lock_guard lock(subscription_mutex_);
    if (by_hand_ && !delivery_->assignment().empty())
        return Error::of(ErrorCode::invalid_state, "subscribe: partitions are assigned by hand; call unassign() first");
    by_hand_ = false;
    subscription_ = subscription.given();
    const bool any = callbacks.assigned || callbacks.revoked || callbacks.lost;
    callbacks_ = any ? std::make_shared<RebalanceCallbacks>(std::move(callbacks)) : nullptr;
    group_->subscribe(std::move(subscription));
    return ok();
}

Result<void> ConsumerCore::unsubscribe() {
    if (!group_) return without_group("unsubscribe");
    std::uint64_t call = 0;
    {
        const std::lock_guard lock(subscription_mutex_);
        subscription_.clear();
        call = group_->unsubscribe();
    }
    if (runtime_->has_own_thread() && !runtime_->on_loop() && !group_->desk().is_busy()) give_back_now(call);
    return ok();
}

// Waits for nothing but that the loop, which is free, says what is to be given back.
void ConsumerCore::give_back_now(std::uint64_t call) {
    const auto until = runtime_->deadline(std::chrono::seconds(1));
    for (;;) {
        const auto seen = queue_->wakes();
        const bool is_all = group_->has_asked_back(call);
        while (auto event = serve_group()) queue_->push(Notice{nullptr, 0, std::move(*event)});
        if (is_all || group_->desk().is_busy() || closed_ || runtime_->now() >= until) return;
        queue_->wait_for_wake(until, seen);
    }
}

std::vector<std::string> ConsumerCore::subscription() const {
    const std::lock_guard lock(subscription_mutex_);
    return subscription_;
}

Result<void> ConsumerCore::before_assignment(std::string_view call) {
    if (!group_) return ok();
    {
        const std::lock_guard lock(subscription_mutex_);
        if (!subscription_.empty())
            return Error::of(ErrorCode::invalid_state,
                             fmt::format("{}: the group assigns the partitions of a consumer that has subscribed; call "
                                         "unsubscribe() first",
                                         call));
        if (group_->desk().takes_part())
            return Error::of(ErrorCode::invalid_state,
                             fmt::format("{}: the consumer is still leaving its group; poll until it has given its "
                                         "partitions back and is out",
                                         call));
        by_hand_ = true;
    }
    if (!config_.group.auto_commit) return ok();
    delivery_->returned();
    group_->commit_in_passing(delivery_->to_commit());
    return ok();
}

void ConsumerCore::leave_group(TimePoint until) {
    if (!group_) return;
    delivery_->returned();
    group_->close();
    for (;;) {
        const auto seen = queue_->wakes();
        while (serve_group()) {
        }
        if (group_->has_left() || runtime_->now() >= until) return;
        queue_->wait_for_wake(until, seen);
    }
}

awaitable<Result<void>> ConsumerCore::close(std::shared_ptr<ConsumerCore> self, TimePoint until) {
    if (const Runtime::Entry entry(*self->runtime_); entry)
        spawn(self->runtime_->executor(), leave_and_end(self, until));
    return wait_for_end(self);
}

awaitable<void> ConsumerCore::leave_and_end(std::shared_ptr<ConsumerCore> self, TimePoint until) {
    if (self->group_) {
        Watch watch(self->fetcher_->arrivals(), self->runtime_->executor());
        self->delivery_->returned();
        self->group_->close();
        while (!self->group_->has_left() && self->runtime_->now() < until) {
            while (self->serve_group()) {
            }
            co_await watch.wait_until(self->runtime_->timers(), until);
        }
    }
    static_cast<void>(co_await end(self, until));
    self->has_ended_ = true;
    self->fetcher_->arrivals().notify();
}

awaitable<Result<void>> ConsumerCore::wait_for_end(std::shared_ptr<ConsumerCore> self) {
    Watch watch(self->fetcher_->arrivals(), self->runtime_->executor());
    while (!self->has_ended_) co_await watch.wait_until(self->runtime_->timers(), TimePoint::max());
    co_return ok();
}

}  // namespace ottla::client
