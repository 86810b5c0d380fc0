// SPDX-License-Identifier: Apache-2.0
// ConsumerCore: what a Consumer handle holds: the two ends of a consumer, Delivery for the application's threads and
// Fetcher on the loop, and the queue between them.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ottla/consumer.hpp>

#include "client/cluster/cluster.hpp"
#include "client/consumer/delivery.hpp"
#include "client/consumer/fetcher.hpp"

namespace ottla::client {

class ConsumerCore : public std::enable_shared_from_this<ConsumerCore> {
public:
    static std::shared_ptr<ConsumerCore> make(std::shared_ptr<Runtime>, ConsumerConfig);

    Runtime& runtime() noexcept { return *runtime_; }
    const std::shared_ptr<Cluster>& cluster() noexcept { return cluster_; }
    Delivery& delivery() noexcept { return *delivery_; }
    const ConsumerConfig& config() const noexcept { return config_; }
    // In a child of fork() it always is.
    bool is_closed() const noexcept { return closed_ || runtime_->is_of_parent(); }
    Error closed_error(std::string_view call) const;

    // What is here, as Delivery has it; told to the hook.
    std::optional<Event> next_event() {
        auto event = delivery_->next_event();
        if (tells_consumed_ && event) [[unlikely]]
            if (const auto* message = std::get_if<Message>(&*event)) tell_consumed(*message);
        return event;
    }
    std::optional<Result<Message>> next_message() {
        auto message = delivery_->next_message();
        if (tells_consumed_ && message && *message) [[unlikely]]
            tell_consumed(**message);
        return message;
    }
    std::optional<Result<MessageBatch>> next_batch() {
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
            if (auto found = next()) return found;
            if (closed_ || runtime_->now() >= until) return std::nullopt;
            queue_->wait_until(until);
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
            co_await watch.wait_until(self->runtime_->timers(), until);
        }
    }
    // The error of read_message when nothing came.
    Error nothing_came(nanoseconds timeout) const;
    void wake_waiting();
    static awaitable<Result<std::string>> statistics(std::shared_ptr<ConsumerCore> self);
    static awaitable<Result<void>> close(std::shared_ptr<ConsumerCore> self);
    // False: it was closed before.
    bool begin_close();

private:
    ConsumerCore(std::shared_ptr<Runtime>, ConsumerConfig);
    void tell_consumed(const Message&);
    void tell_consumed(const MessageBatch&);

    std::shared_ptr<Runtime> runtime_;
    const bool tells_consumed_;  // there is a hook
    const ConsumerConfig config_;
    std::shared_ptr<Cluster> cluster_;
    std::shared_ptr<FetchQueue> queue_;
    std::shared_ptr<Fetcher> fetcher_;
    std::unique_ptr<Delivery> delivery_;
    std::atomic<bool> closed_{false};
};

}  // namespace ottla::client
