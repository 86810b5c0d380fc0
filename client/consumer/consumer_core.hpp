// SPDX-License-Identifier: Apache-2.0
// ConsumerCore: what a Consumer handle holds: the two ends of a consumer, Delivery for the application's threads and
// Fetcher on the loop, and the queue between them.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <ottla/consumer.hpp>

#include "client/cluster/cluster.hpp"
#include "client/consumer/delivery.hpp"
#include "client/consumer/fetcher.hpp"
#include "client/group/group.hpp"

namespace ottla::client {

class ConsumerCore : public std::enable_shared_from_this<ConsumerCore> {
public:
    static std::shared_ptr<ConsumerCore> make(std::shared_ptr<Runtime>, ConsumerConfig);

    Runtime& runtime() noexcept { return *runtime_; }
    const std::shared_ptr<Cluster>& cluster() noexcept { return cluster_; }
    Delivery& delivery() noexcept { return *delivery_; }
    // Null without group.id.
    Group* group() noexcept { return group_.get(); }
    const std::shared_ptr<Group>& shared_group() noexcept { return group_; }

    Result<void> subscribe(std::vector<std::string> topics, RebalanceCallbacks);
    Result<void> subscribe(const SubscriptionPattern&, RebalanceCallbacks);
    Result<void> unsubscribe();
    std::vector<std::string> subscription() const;
    // invalid_state for a consumer that has subscribed; else what is assigned now is committed, if it is to be.
    Result<void> before_assignment(std::string_view call);
    Error without_group(std::string_view call) const;
    const ConsumerConfig& config() const noexcept { return config_; }
    // In a child of fork() it always is.
    bool is_closed() const noexcept { return closed_ || runtime_->is_of_parent(); }
    Error closed_error(std::string_view call) const;
    // The calling thread is in one of the rebalance callbacks: what waits for their end would wait for itself.
    bool is_called_back() const noexcept { return called_back_.load() == std::this_thread::get_id(); }

    // What is here, as Delivery has it; told to the hook. A rebalance goes before, and while one is being dealt with
    // there is nothing.
    std::optional<Event> next_event() {
        if (is_rebalancing() || tells_consumed_ || is_woken()) [[unlikely]]
            return next_event_in_company();
        return delivery_->next_event();
    }
    std::optional<Result<Message>> next_message() {
        if (is_woken()) [[unlikely]]
            if (auto woken = take_wakeup()) return Result<Message>(std::move(*woken));
        if (is_rebalancing() && !serve_all()) [[unlikely]]
            return std::nullopt;
        auto message = delivery_->next_message();
        if (tells_consumed_ && message && *message) [[unlikely]]
            tell_consumed(**message);
        return message;
    }
    std::optional<Result<MessageBatch>> next_batch() {
        if (is_woken()) [[unlikely]]
            if (auto woken = take_wakeup()) return Result<MessageBatch>(std::move(*woken));
        if (is_rebalancing() && !serve_all()) [[unlikely]]
            return std::nullopt;
        auto batch = delivery_->next_batch();
        if (tells_consumed_ && batch && *batch) [[unlikely]]
            tell_consumed(**batch);
        return batch;
    }

    // Waits on the calling thread until `next()` has something. Nothing: the time was up, or the client was closed.
    template <class T, class Next>
    std::optional<T> wait(nanoseconds timeout, Next next) {
        const auto until = runtime_->deadline(timeout);
        for (;;) {
            const auto seen = queue_->wakes();
            if (auto found = next()) return found;
            if (closed_ || runtime_->now() >= until) return std::nullopt;
            const Waiting here(*waiting_);
            // While a rebalance is being dealt with, what lies in the queue is not for us.
            if (is_rebalancing())
                queue_->wait_for_wake(until, seen);
            else
                queue_->wait_until(until, seen);
        }
    }
    // The same for a coroutine on the loop.
    template <class T, class Next>
    static awaitable<std::optional<T>> wait_async(std::shared_ptr<ConsumerCore> self, nanoseconds timeout, Next next) {
        const auto until = self->runtime_->deadline(timeout);
        Watch watch(self->fetcher_->arrivals(), self->runtime_->executor());
        for (;;) {
            if (auto found = next(*self)) co_return found;
            if (self->closed_ || self->runtime_->now() >= until) co_return std::nullopt;
            const Waiting here(*self->waiting_);
            co_await watch.wait_until(self->runtime_->timers(), until);
        }
    }
    // Something waits at the desk, or is being dealt with.
    bool is_rebalancing() const noexcept { return group_ && group_->desk().wants_attention(); }
    // For who deals with rebalances on the loop, over time, without callbacks. Until end_rebalance() nothing is handed
    // out; what is assigned is there from the first call on, what is taken back goes with the second.
    std::optional<RebalanceDesk::Task> begin_rebalance();
    void end_rebalance(RebalanceDesk::Task);
    static std::vector<TopicPartition> partitions_of(const RebalanceDesk::Task&);
    // The error of read_message when nothing came.
    Error nothing_came(nanoseconds timeout) const;
    void wake_waiting();
    // One poll ends with an error: the one that waits, or else the next.
    void wake_up();
    static awaitable<Result<std::string>> statistics(std::shared_ptr<ConsumerCore> self);
    // False: it was closed before, or somebody is about it.
    bool begin_close();
    // Until `until` at most; the callbacks run here. Not on the loop.
    void leave_group(TimePoint until);
    // Then: ends everything, and the fetch sessions at the brokers, until `until` at most.
    static awaitable<Result<void>> end(std::shared_ptr<ConsumerCore> self, TimePoint until);
    // Both, begun by the call itself; the awaitable only waits.
    static awaitable<Result<void>> close(std::shared_ptr<ConsumerCore> self, TimePoint until);

private:
    // Somebody waits in a poll. Not while code of the application runs there: a callback, a hook.
    class Waiting {
    public:
        explicit Waiting(std::atomic<int>& count) : count_(count) { ++count_; }
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;
        ~Waiting() { --count_; }

    private:
        std::atomic<int>& count_;
    };

    bool is_woken() const noexcept { return woken_.load(std::memory_order_relaxed); }
    // What the poll that sees it first ends with.
    std::optional<Error> take_wakeup();
    // The same where others are to be told, or waited for.
    std::optional<Event> next_event_in_company();
    void make_group();
    void tell_statistics();
    Result<void> subscribe(Subscription, RebalanceCallbacks);
    // In this thread, what the group asks back for this unsubscribe().
    void give_back_now(std::uint64_t call);
    // Deals with what waits at the desk; the event that tells of it where there are no callbacks.
    std::optional<Event> serve_group();
    // The same without events; false: somebody else is dealing with it.
    bool serve_all();
    // What was begun.
    std::optional<Event> serve(RebalanceDesk::Task);
    void call_back(RebalanceCallbacks::Callback&, const std::vector<TopicPartition>&);
    void finish_close();
    static awaitable<void> leave_and_end(std::shared_ptr<ConsumerCore> self, TimePoint until);
    static awaitable<Result<void>> wait_for_end(std::shared_ptr<ConsumerCore> self);

    ConsumerCore(std::shared_ptr<Runtime>, ConsumerConfig);
    void tell_consumed(const Message&);
    void tell_consumed(const MessageBatch&);

    std::shared_ptr<Runtime> runtime_;
    const bool tells_consumed_;  // there is a hook
    const ConsumerConfig config_;
    std::shared_ptr<Cluster> cluster_;
    std::shared_ptr<FetchQueue> queue_;
    std::shared_ptr<Coordinator> coordinator_;  // null without a group
    std::shared_ptr<Fetcher> fetcher_;
    std::shared_ptr<Delivery> delivery_;
    std::shared_ptr<Group> group_;
    const std::shared_ptr<std::atomic<int>> waiting_ = std::make_shared<std::atomic<int>>(0);
    std::atomic<bool> closing_{false};
    std::atomic<bool> closed_{false};
    std::atomic<bool> woken_{false};
    std::atomic<decltype(std::this_thread::get_id())> called_back_{};
    bool has_ended_ = false;                 // the loop's own
    mutable std::mutex subscription_mutex_;  // guards what follows
    std::vector<std::string> subscription_;
    std::shared_ptr<RebalanceCallbacks> callbacks_;
    bool by_hand_ = false;  // what is assigned now
};

}  // namespace ottla::client
