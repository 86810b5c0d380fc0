// SPDX-License-Identifier: Apache-2.0
// How a PriorityConsumer is made, commits and ends.
#include "client/priority/priority_core.hpp"

#include <fmt/format.h>

#include "client/consumer/consumer_core.hpp"

namespace ottla::client {

using std::chrono::nanoseconds;

Result<std::shared_ptr<PriorityCore>> PriorityCore::make(const PriorityConsumerConfig& config, ConsumerOptions options,
                                                         RebalanceCallbacks callbacks) {
    auto settings = priority_settings(config);
    if (!settings) return settings.error();
    auto consumer = Consumer::create(settings->consumer, std::move(options));
    if (!consumer) return consumer.error();
    std::shared_ptr<PriorityCore> core(
        new PriorityCore(std::move(*consumer), config, settings->stores_what_was_returned, std::move(callbacks)));
    if (auto subscribed = core->subscribe(std::move(settings->topics)); !subscribed) return subscribed.error();
    return core;
}

PriorityCore::PriorityCore(Consumer consumer, const PriorityConsumerConfig& config, bool stores,
                           RebalanceCallbacks callbacks)
    : stores_(stores),
      callbacks_(std::move(callbacks)),
      desk_(config),
      consumer_(std::move(consumer)) {}

Result<void> PriorityCore::subscribe(std::vector<std::string> topics) {
    if (!callbacks_.assigned && !callbacks_.revoked && !callbacks_.lost) return consumer_.subscribe(std::move(topics));
    RebalanceCallbacks own;
    own.assigned = [this](Consumer& c, PriorityDesk::Partitions p) { on_assigned(c, p); };
    own.revoked = [this](Consumer& c, PriorityDesk::Partitions p) { on_revoked(c, p); };
    own.lost = [this](Consumer& c, PriorityDesk::Partitions p) { on_lost(c, p); };
    return consumer_.subscribe(std::move(topics), std::move(own));
}

base::TimePoint PriorityCore::deadline(nanoseconds timeout) const {
    const auto now = clock_.now();
    if (timeout <= nanoseconds::zero()) return now;
    return timeout > base::TimePoint::max() - now ? base::TimePoint::max() : now + timeout;
}

Error PriorityCore::error_in_callback(const char* call) const {
    return Error::of(
        ErrorCode::invalid_state,
        fmt::format("{}: {} calls back just now; when the poll has returned, call it again", call, consumer_.name()));
}

Result<Message> PriorityCore::read_message(nanoseconds timeout) {
    const auto until = deadline(timeout);
    for (;;) {
        const auto left = until == base::TimePoint::max() ? nanoseconds::max() : until - clock_.now();
        auto event = poll(left);
        if (!event) return consumer_.core_->nothing_came(timeout);
        if (auto* message = std::get_if<Message>(&*event)) return std::move(*message);
        if (auto error = Delivery::error_of(*event); error.code() != ErrorCode::none) return error;
    }
}

PriorityCore::Offsets PriorityCore::commit(nanoseconds timeout) {
    {
        const std::lock_guard lock(mutex_);
        store_handed();
    }
    return consumer_.commit(timeout);
}

Result<void> PriorityCore::may_store() const {
    if (!stores_) return ok();
    return Error::of(ErrorCode::invalid_state,
                     "store_offsets: enable.auto.offset.store is on and stores by itself; set it to false");
}

Result<void> PriorityCore::store_offsets(std::vector<TopicPartition> offsets) {
    if (auto may = may_store(); !may) return may;
    return consumer_.store_offsets(std::move(offsets));
}

Result<void> PriorityCore::store(const Message& message) {
    if (auto may = may_store(); !may) return may;
    return consumer_.store(message);
}

void PriorityCore::not_returned() {
    const std::lock_guard lock(mutex_);
    handed_.reset();
}

Result<void> PriorityCore::close(nanoseconds timeout) {
    if (called_back_.load() == std::this_thread::get_id()) return error_in_callback("close");
    {
        const std::lock_guard lock(mutex_);
        store_handed();
    }
    auto closed = consumer_.close(timeout);
    const std::lock_guard lock(mutex_);
    desk_.withdraw_all();
    return closed;
}

PriorityStats PriorityCore::stats() const {
    std::unique_lock lock(mutex_);
    auto s = desk_.stats(clock_.now());
    const auto assignment = desk_.assignment();
    lock.unlock();
    for (auto& of_class : s.classes) of_class.lag = of_class.buffered;
    for (const auto& [tp, class_number] : assignment)
        s.classes[class_number].lag += static_cast<std::uint64_t>(consumer_.lag(tp.topic, tp.partition).value_or(0));
    return s;
}

}  // namespace ottla::client
