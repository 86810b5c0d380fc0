// SPDX-License-Identifier: Apache-2.0
// What a poll of a PriorityConsumer does, and what becomes of its partitions meanwhile.
#include <utility>

#include "client/priority/priority_core.hpp"

namespace ottla::client {

using std::chrono::nanoseconds;

// One thread at a time takes from the consumer and hands out, so that records stay in order.
class PriorityCore::Turn {
public:
    Turn(PriorityCore& core, base::TimePoint until) : core_(core) {
        std::unique_lock lock(core_.mutex_);
        has_it_ = core_.turn_ended_.wait_until(lock, until, [&] { return !core_.is_polled_; });
        if (has_it_) core_.is_polled_ = true;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        if (!has_it_) return;
        const std::lock_guard lock(core_.mutex_);
        core_.is_polled_ = false;
        core_.turn_ended_.notify_one();
    }
    explicit operator bool() const noexcept { return has_it_; }

private:
    PriorityCore& core_;
    bool has_it_ = false;
};

class PriorityCore::CallingBack {
public:
    explicit CallingBack(PriorityCore& core) : core_(core) { core_.called_back_ = std::this_thread::get_id(); }
    CallingBack(const CallingBack&) = delete;
    CallingBack& operator=(const CallingBack&) = delete;
    ~CallingBack() { core_.called_back_ = decltype(std::this_thread::get_id())(); }

private:
    PriorityCore& core_;
};

std::optional<Event> PriorityCore::poll(nanoseconds timeout) {
    if (called_back_.load() == std::this_thread::get_id()) return Event(error_in_callback("poll"));
    const auto until = deadline(timeout);
    const Turn turn(*this, until);
    if (!turn) return std::nullopt;
    {
        const std::lock_guard lock(mutex_);
        store_handed();
    }
    for (;;) {
        fetch();
        if (auto event = hand_out()) return event;
        const auto now = clock_.now();
        if (now >= until) return std::nullopt;
        // Nothing is here, so nothing stays paused.
        apply_pauses();
        auto event = consumer_.poll(until - now);
        if (!event) return std::nullopt;
        take_in(std::move(*event));
    }
}

// Never left out, so that the group hears of the poll, however much is here. What is paused gives nothing.
void PriorityCore::fetch() {
    for (;;) {
        apply_pauses();
        auto event = consumer_.poll(nanoseconds::zero());
        if (!event) return;
        take_in(std::move(*event));
        const std::lock_guard lock(mutex_);
        if (desk_.has_urgent()) return;
    }
}

void PriorityCore::take_in(Event event) {
    const std::lock_guard lock(mutex_);
    if (const auto* assigned = std::get_if<AssignedPartitions>(&event)) desk_.assign(assigned->partitions);
    if (const auto* revoked = std::get_if<RevokedPartitions>(&event)) desk_.withdraw(revoked->partitions);
    desk_.add(std::move(event), clock_.now());
}

void PriorityCore::apply_pauses() {
    std::unique_lock lock(mutex_);
    const auto changes = desk_.take_pauses();
    lock.unlock();
    // All of them are assigned, unless close() takes them just now.
    if (!changes.pause.empty()) (void)consumer_.pause(changes.pause).has_value();
    if (!changes.resume.empty()) (void)consumer_.resume(changes.resume).has_value();
}

std::optional<Event> PriorityCore::hand_out() {
    const std::lock_guard lock(mutex_);
    auto given = desk_.take(clock_.now());
    if (!given) return std::nullopt;
    if (stores_) remember(given->event, given->is_last);
    return std::move(given->event);
}

void PriorityCore::remember(const Event& event, bool is_last) {
    if (const auto* message = std::get_if<Message>(&event)) {
        handed_.emplace(std::string(message->topic()), message->partition(), message->offset() + 1);
        if (message->leader_epoch() >= 0) handed_->leader_epoch = message->leader_epoch();
        if (!is_last) return;
        // Behind the message there may be what is no message: that is done with it.
        const auto at = consumer_.position({*handed_}).at(0);
        if (at.offset.is_absolute() && at.offset.value() > handed_->offset.value()) handed_->offset = at.offset;
    } else if (const auto* error = std::get_if<PartitionError>(&event); error && error->moved_to.is_absolute()) {
        handed_.emplace(error->topic, error->partition, error->moved_to);
    }
}

void PriorityCore::store_handed() {
    if (!handed_) return;
    // Not assigned any more: then it is another's.
    (void)consumer_.store_offsets({std::move(*handed_)}).has_value();
    handed_.reset();
}

void PriorityCore::on_assigned(Consumer& consumer, PriorityDesk::Partitions partitions) {
    {
        const std::lock_guard lock(mutex_);
        desk_.assign(partitions);
    }
    call_back(callbacks_.assigned, consumer, partitions);
}

void PriorityCore::on_revoked(Consumer& consumer, PriorityDesk::Partitions partitions) {
    {
        const std::lock_guard lock(mutex_);
        store_handed();
        desk_.withdraw(partitions);
    }
    call_back(callbacks_.revoked, consumer, partitions);
}

void PriorityCore::on_lost(Consumer& consumer, PriorityDesk::Partitions partitions) {
    {
        const std::lock_guard lock(mutex_);
        desk_.withdraw(partitions);
    }
    call_back(callbacks_.lost ? callbacks_.lost : callbacks_.revoked, consumer, partitions);
}

void PriorityCore::call_back(RebalanceCallbacks::Callback& callback, Consumer& consumer,
                             PriorityDesk::Partitions partitions) {
    if (!callback) return;
    const CallingBack here(*this);
    callback(consumer, partitions);
}

}  // namespace ottla::client
