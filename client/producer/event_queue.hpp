// SPDX-License-Identifier: Apache-2.0
// EventQueue: reports of records without a callback, and errors, until the application fetches them. Whole batches
// are queued; a report is made when it is fetched. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <variant>

#include <ottla/event.hpp>

#include "client/producer/batch.hpp"
#include "client/producer/outcome.hpp"

namespace ottla::client {

class EventQueue {
public:
    // `recycle` is called with every batch whose reports are fetched, from the fetching thread.
    explicit EventQueue(Function<void(BatchPtr)> recycle) : recycle_(std::move(recycle)) {}

    // Takes the reports of those records that have no callback.
    void push(BatchPtr, Outcome);
    // Dropped when many errors wait already.
    void push(Error);
    // In the place of those that wait already.
    void push(Statistics);
    // Not when many lines wait already: false.
    bool push(LogEvent&&);
    // Waits at most `timeout`, not at all after stop_waiting().
    std::optional<Event> pop(std::chrono::nanoseconds timeout);
    // Reports not fetched yet: who waits until none is left fetches no errors, perhaps.
    std::size_t size() const;
    void stop_waiting();

private:
    struct Reports {
        BatchPtr batch;
        Outcome outcome;
        DeliveryReport report;
        DeliveryDues::Reader due;
        std::size_t next = 0;
        std::size_t left = 0;  // of its events
    };
    using Item = std::variant<Reports, Error, Statistics, LogEvent>;

    // The next report of the front item; expects the mutex to be held, and the queue not to be empty.
    Event take_front(BatchPtr& done);

    Function<void(BatchPtr)> recycle_;
    mutable std::mutex events_;  // guards all that follows
    std::condition_variable come_;
    std::deque<Item> items_;
    std::size_t size_ = 0;
    std::size_t errors_ = 0;
    std::size_t lines_ = 0;
    bool waits_ = true;
};

}  // namespace ottla::client
