// SPDX-License-Identifier: Apache-2.0
// The same as a coroutine on the consumer's loop: rebalances are dealt with between the rounds, and what a callback
// would wait for is awaited.
#include <algorithm>

#include "client/parallel/intake.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

// Between two looks at handlers whose partitions are to be given back.
constexpr auto handlers_look = 5ms;

}  // namespace

Result<void> Intake::subscribe_without_callbacks() { return consumer_.subscribe(topics()); }

awaitable<void> Intake::run_async() {
    next_commit_ = core_->runtime().now() + config_.commit_interval;
    for (bool goes_on = true; goes_on;) goes_on = co_await turn_async();
    co_await finish_async();
}

awaitable<bool> Intake::turn_async() {
    co_await deal_with_rebalances();
    if (core_->is_closed() || (closing_ != Closing::no && has_ended_work())) co_return false;
    pause_and_resume();
    const auto now = core_->runtime().now();
    auto next = [this](ConsumerCore& core) -> std::optional<Result<MessageBatch>> {
        if (core.is_rebalancing()) return Result<MessageBatch>(MessageBatch());
        return look();
    };
    const auto came =
        co_await ConsumerCore::wait_async<Result<MessageBatch>>(core_, next_look(now) - now, std::move(next));
    if (!take_in_what(came)) co_return false;
    const auto after = core_->runtime().now();
    if (is_commit_due(after)) co_await commit_async(after);
    co_return true;
}

awaitable<void> Intake::commit_async(base::TimePoint now) {
    auto offsets = begin_commit(now);
    if (offsets.empty()) co_return;
    if (!config_.waits_for_commits) {
        commit_in_passing(std::move(offsets));
        co_return;
    }
    const auto done = co_await consumer_.async_commit(std::move(offsets), call_timeout(), asio::use_awaitable);
    take_answer(done);
}

awaitable<void> Intake::deal_with_rebalances() {
    while (!core_->is_closed()) {
        auto task = core_->begin_rebalance();
        if (!task) break;
        Change change{task->rebalance.kind, ConsumerCore::partitions_of(*task), core_->runtime().now()};
        if (change.kind == Rebalance::Kind::assigned) {
            auto committed = co_await consumer_.async_committed(change.partitions, call_timeout(), asio::use_awaitable);
            change.is_known = committed.has_value();
            begin_all(change.partitions, std::move(committed));
        } else if (change.kind == Rebalance::Kind::revoked) {
            co_await give_back(change.partitions);
        } else {
            on_lost(change.partitions);
        }
        if (core_->is_closed()) break;
        if (told_) told_(change);
        core_->end_rebalance(std::move(*task));
    }
}

awaitable<void> Intake::give_back(std::vector<TopicPartition> partitions) {
    auto& runtime = core_->runtime();
    const auto numbers = numbers_of(partitions);
    desk_->stop(numbers);
    const auto until = handlers_until();
    const auto committed_until = commits_until();
    bool is_idle = desk_->is_idle(numbers);
    while (!is_idle && runtime.now() < until && !core_->is_closed()) {
        co_await runtime.timers().wait_for(handlers_look);
        is_idle = desk_->is_idle(numbers);
    }
    if (core_->is_closed()) co_return;
    if (!is_idle) warn_of_running();
    const std::span<const TopicPartition> all(partitions);
    for (auto offsets = to_commit(&all); !offsets.empty(); offsets = to_commit_again(all, committed_until)) {
        const auto done =
            co_await consumer_.async_commit(std::move(offsets), commit_timeout(committed_until), asio::use_awaitable);
        take_answer(done);
        if (core_->is_closed()) co_return;
    }
    forget(partitions);
}

awaitable<void> Intake::finish_async() {
    auto& runtime = core_->runtime();
    const auto until = runtime.now() + std::max<std::chrono::nanoseconds>(call_timeout(), 100ms);
    if (!core_->is_closed() && core_->begin_close()) {
        core_->group()->close();
        while (!core_->group()->has_left() && runtime.now() < until) {
            co_await deal_with_rebalances();
            auto next = [](ConsumerCore& core) -> std::optional<bool> {
                if (core.group()->has_left() || core.is_rebalancing()) return true;
                return std::nullopt;
            };
            static_cast<void>(co_await ConsumerCore::wait_async<bool>(core_, until - runtime.now(), std::move(next)));
        }
        static_cast<void>(co_await ConsumerCore::end(core_, until));
    }
    desk_->close();
}

}  // namespace ottla::client
