// SPDX-License-Identifier: Apache-2.0
// PriorityCore: what a PriorityConsumer handle holds: a consumer, and the desk between it and who polls.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <ottla/priority_consumer.hpp>

#include "client/priority/priority_config.hpp"
#include "client/priority/priority_desk.hpp"

namespace ottla::client {

class PriorityCore {
public:
    using Offsets = Result<std::vector<TopicPartition>>;

    static Result<std::shared_ptr<PriorityCore>> make(const PriorityConsumerConfig&, ConsumerOptions,
                                                      RebalanceCallbacks);

    std::optional<Event> poll(std::chrono::nanoseconds timeout);
    Result<Message> read_message(std::chrono::nanoseconds timeout);
    Offsets commit(std::chrono::nanoseconds timeout);
    Result<void> store_offsets(std::vector<TopicPartition>);
    Result<void> store(const Message&);
    // What was handed out last is not done.
    void not_returned();
    Result<void> close(std::chrono::nanoseconds timeout);
    PriorityStats stats() const;
    Consumer& consumer() noexcept { return consumer_; }
    const Consumer& consumer() const noexcept { return consumer_; }

private:
    // Whose turn it is to poll.
    class Turn;
    // A callback of the application's runs.
    class CallingBack;

    PriorityCore(Consumer, const PriorityConsumerConfig&, bool stores, RebalanceCallbacks);
    Result<void> subscribe(std::vector<std::string> topics);
    base::TimePoint deadline(std::chrono::nanoseconds timeout) const;
    Error error_in_callback(const char* call) const;
    // store_offsets() is for who has asked for it.
    Result<void> may_store() const;

    // What is here of the consumer's goes to the desk; rebalances are served.
    void fetch();
    void take_in(Event);
    std::optional<Event> hand_out();
    void apply_pauses();
    // The application is done with what it was handed last. Under the lock.
    void store_handed();
    void remember(const Event&, bool is_last);

    // With callbacks of the application's; without them the consumer's events tell.
    void on_assigned(Consumer&, PriorityDesk::Partitions);
    void on_revoked(Consumer&, PriorityDesk::Partitions);
    void on_lost(Consumer&, PriorityDesk::Partitions);
    void call_back(RebalanceCallbacks::Callback&, Consumer&, PriorityDesk::Partitions);

    const base::SystemClock clock_;
    const bool stores_;
    RebalanceCallbacks callbacks_;
    std::atomic<decltype(std::this_thread::get_id())> called_back_{};
    // Guards desk_, handed_ and is_polled_; never held while the consumer waits or calls back.
    mutable std::mutex mutex_;
    std::condition_variable turn_ended_;
    bool is_polled_ = false;
    PriorityDesk desk_;
    // Where the partition of what was handed out last goes on.
    std::optional<TopicPartition> handed_;
    // The last: its end still calls back.
    Consumer consumer_;
};

}  // namespace ottla::client
