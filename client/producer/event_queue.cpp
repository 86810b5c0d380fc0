// SPDX-License-Identifier: Apache-2.0
#include "client/producer/event_queue.hpp"

#include "client/logs/log_delivery.hpp"
#include "client/producer/reporter.hpp"

namespace ottla::client {

namespace {
constexpr std::size_t errors_max = 1000;
}

void EventQueue::push(BatchPtr batch, Outcome outcome) {
    DeliveryDues& dues = batch->dues;
    Reports reports{
        .batch = std::move(batch), .outcome = std::move(outcome), .report = {}, .due = DeliveryDues::Reader(dues)};
    reports.report = report_frame(*reports.batch, reports.outcome);
    reports.left = dues.events();
    const std::lock_guard hold(events_);
    size_ += reports.left;
    items_.emplace_back(std::move(reports));
    come_.notify_one();
}

void EventQueue::push(Error error) {
    const std::lock_guard hold(events_);
    if (errors_ == errors_max) return;
    ++errors_;
    items_.emplace_back(std::move(error));
    come_.notify_one();
}

void EventQueue::push(Statistics statistics) {
    const std::lock_guard hold(events_);
    for (Item& item : items_)
        if (auto* waiting = std::get_if<Statistics>(&item)) {
            *waiting = std::move(statistics);
            return;
        }
    items_.emplace_back(std::move(statistics));
    come_.notify_one();
}

bool EventQueue::push(LogEvent&& line) {
    const std::lock_guard hold(events_);
    if (lines_ == LogDelivery::lines_max) return false;
    ++lines_;
    items_.emplace_back(std::move(line));
    come_.notify_one();
    return true;
}

std::optional<Event> EventQueue::pop(std::chrono::nanoseconds timeout) {
    std::optional<Event> event;
    BatchPtr done;
    {
        std::unique_lock hold(events_);
        const auto ready = [this] { return !items_.empty() || !waits_; };
        if (items_.empty() && timeout.count() > 0) {
            // The clock of a condition variable would overflow on "without end".
            constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
            come_.wait_for(hold, std::min(timeout, longest), ready);
        }
        if (items_.empty()) return event;
        event = take_front(done);
        if (!items_.empty()) come_.notify_one();
    }
    if (done) recycle_(std::move(done));
    return event;
}

Event EventQueue::take_front(BatchPtr& done) {
    if (auto* statistics = std::get_if<Statistics>(&items_.front())) {
        Event event = std::move(*statistics);
        items_.pop_front();
        return event;
    }
    if (auto* line = std::get_if<LogEvent>(&items_.front())) {
        Event event = std::move(*line);
        --lines_;
        items_.pop_front();
        return event;
    }
    if (auto* error = std::get_if<Error>(&items_.front())) {
        Event event = std::move(*error);
        --errors_;
        items_.pop_front();
        return event;
    }
    --size_;
    auto& reports = std::get<Reports>(items_.front());
    while (reports.due.next() && reports.due.has_callback()) ++reports.next;
    fill_report(reports.report, reports.outcome, reports.next, reports.due);
    Event event = reports.report;
    ++reports.next;
    if (--reports.left == 0) {
        done = std::move(reports.batch);
        items_.pop_front();
    }
    return event;
}

std::size_t EventQueue::size() const {
    const std::lock_guard hold(events_);
    return size_;
}

void EventQueue::stop_waiting() {
    const std::lock_guard hold(events_);
    waits_ = false;
    come_.notify_all();
}

}  // namespace ottla::client
