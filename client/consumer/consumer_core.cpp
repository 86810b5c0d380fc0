// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/consumer_core.hpp"

#include <fmt/format.h>

namespace ottla::client {

ConsumerCore::ConsumerCore(std::shared_ptr<Runtime> runtime, ConsumerConfig config)
    : runtime_(std::move(runtime)),
      tells_consumed_(runtime_->hooks().wants(&Hooks::on_consume)),
      config_(std::move(config)),
      cluster_(Cluster::make(runtime_, config_.common, config_.common.allow_auto_create_topics)),
      queue_(std::make_shared<FetchQueue>()),
      coordinator_(config_.group.id.empty() ? nullptr : std::make_shared<Coordinator>(cluster_, config_.group.id)),
      fetcher_(std::make_shared<Fetcher>(cluster_, config_, queue_, coordinator_)) {}

std::shared_ptr<ConsumerCore> ConsumerCore::make(std::shared_ptr<Runtime> runtime, ConsumerConfig config) {
    std::shared_ptr<ConsumerCore> core(new ConsumerCore(std::move(runtime), std::move(config)));
    DecodeOptions options;
    options.check_crcs = core->config_.check_crcs;
    options.isolation_level = core->config_.isolation_level;
    options.uncompressed_bytes_max = core->config_.common.receive_message_bytes_max;
    // Both only post, in the order in which they are called.
    const std::weak_ptr<Fetcher> fetcher = core->fetcher_;
    const auto loop = core->runtime_->executor();
    auto on_changes = [fetcher, loop](std::vector<Delivery::Change> changes) {
        asio::post(loop, [fetcher, changes = std::move(changes)] {
            if (const auto there = fetcher.lock()) there->apply(changes);
        });
    };
    auto on_room = [fetcher, loop] {
        asio::post(loop, [fetcher] {
            if (const auto there = fetcher.lock()) there->wake();
        });
    };
    // The pool is the runtime's, and keeps that alive.
    std::shared_ptr<base::BufferPool> pool(core->runtime_, &core->runtime_->pool());
    core->delivery_ =
        std::make_shared<Delivery>(core->queue_, options, std::move(pool), std::move(on_changes), std::move(on_room));
    if (core->coordinator_) core->make_group();
    core->tell_statistics();
    core->fetcher_->start();
    if (core->group_) core->group_->start();
    return core;
}

void ConsumerCore::tell_statistics() {
    Fetcher::StatisticsOfOthers others;
    others.stored_offset = [delivery = std::weak_ptr(delivery_)](const PartitionSlot& slot) -> std::int64_t {
        const auto there = delivery.lock();
        return there ? there->stored_offset(slot) : -1;
    };
    others.group = [group = std::weak_ptr(group_)]() -> std::optional<GroupStatistics> {
        if (const auto there = group.lock()) return there->statistics();
        return std::nullopt;
    };
    fetcher_->tell_statistics_of(std::move(others));
}

Error ConsumerCore::closed_error(std::string_view call) const {
    if (runtime_->is_of_parent()) return made_before_fork();
    return Error::of(ErrorCode::closed, fmt::format("{}: {} is closed; make a new consumer", call, runtime_->name()));
}

Error ConsumerCore::nothing_came(nanoseconds timeout) const {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    auto trouble = queue_->trouble();
    if (trouble.empty()) trouble = delivery_->trouble();
    if (trouble.empty()) return Error::of(ErrorCode::timed_out, fmt::format("no message came within {} ms", ms));
    return Error::of(ErrorCode::timed_out,
                     fmt::format("no message came within {} ms; the reason may be: {}", ms, trouble));
}

std::optional<Event> ConsumerCore::next_event_in_company() {
    if (is_woken())
        if (auto woken = take_wakeup()) return Event(std::move(*woken));
    if (is_rebalancing()) {
        if (auto told = serve_group()) return told;
        if (is_rebalancing()) return std::nullopt;
    }
    auto event = delivery_->next_event();
    if (tells_consumed_ && event)
        if (const auto* message = std::get_if<Message>(&*event)) tell_consumed(*message);
    return event;
}

void ConsumerCore::tell_consumed(const Message& message) {
    const MessageView& view = message;
    const ConsumeEvent event{message.topic(), message.partition(), {&view, 1}};
    runtime_->hooks().tell(&Hooks::on_consume, event);
}

void ConsumerCore::tell_consumed(const MessageBatch& batch) {
    const ConsumeEvent event{batch.topic(), batch.partition(), {batch.begin(), batch.end()}};
    runtime_->hooks().tell(&Hooks::on_consume, event);
}

void ConsumerCore::wake_waiting() {
    queue_->wake();
    asio::post(runtime_->executor(), [fetcher = std::weak_ptr(fetcher_)] {
        if (const auto there = fetcher.lock()) there->arrivals().notify();
    });
}

void ConsumerCore::wake_up() {
    if (is_closed()) return;
    woken_ = true;
    if (const Runtime::Entry entry(*runtime_); entry) wake_waiting();
}

std::optional<Error> ConsumerCore::take_wakeup() {
    if (!woken_.exchange(false)) return std::nullopt;
    // It was a poll all the same.
    delivery_->polled();
    return Error::of(ErrorCode::cancelled, "the poll was ended by wakeup(); nothing is lost, the next one goes on");
}

bool ConsumerCore::begin_close() {
    if (runtime_->is_of_parent() || closing_.exchange(true)) return false;
    if (!group_) finish_close();
    return true;
}

awaitable<Result<std::string>> ConsumerCore::statistics(std::shared_ptr<ConsumerCore> self) {
    if (self->is_closed()) co_return self->closed_error("statistics");
    co_return self->fetcher_->statistics();
}

void ConsumerCore::finish_close() {
    if (closed_.exchange(true)) return;
    queue_->close();
    delivery_->close();
}

awaitable<Result<void>> ConsumerCore::end(std::shared_ptr<ConsumerCore> self, TimePoint until) {
    if (self->group_) self->group_->stop();
    self->finish_close();
    self->fetcher_->close();
    co_await Fetcher::end_sessions(self->fetcher_, until);
    self->cluster_->close();
    co_return ok();
}

}  // namespace ottla::client
