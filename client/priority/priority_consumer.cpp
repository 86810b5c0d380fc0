// SPDX-License-Identifier: Apache-2.0
// The public face.
#include <ottla/priority_consumer.hpp>

#include <fmt/format.h>

#include "client/priority/priority_core.hpp"

namespace ottla::inline v0 {

using client::PriorityCore;
using std::chrono::nanoseconds;
using Partitions = std::vector<TopicPartition>;

Result<PriorityConsumer> PriorityConsumer::create(const PriorityConsumerConfig& config, ConsumerOptions options,
                                                  RebalanceCallbacks callbacks) {
    auto core = PriorityCore::make(config, std::move(options), std::move(callbacks));
    if (!core) return core.error();
    return PriorityConsumer(std::move(*core));
}

PriorityConsumer::PriorityConsumer(std::shared_ptr<PriorityCore> core) noexcept : core_(std::move(core)) {}
PriorityConsumer::PriorityConsumer(PriorityConsumer&&) noexcept = default;

PriorityConsumer& PriorityConsumer::operator=(PriorityConsumer&& other) noexcept {
    const PriorityConsumer old(std::move(*this));
    core_ = std::move(other.core_);
    return *this;
}

PriorityConsumer::~PriorityConsumer() {
    if (!core_ || is_closed()) return;
    core_->not_returned();
    static_cast<void>(close(std::chrono::seconds(1)).has_value());
}

std::optional<Event> PriorityConsumer::poll(nanoseconds timeout) { return core_->poll(timeout); }
Result<Message> PriorityConsumer::read_message(nanoseconds timeout) { return core_->read_message(timeout); }
void PriorityConsumer::wakeup() { core_->consumer().wakeup(); }
Result<Partitions> PriorityConsumer::commit(nanoseconds timeout) { return core_->commit(timeout); }
Result<Partitions> PriorityConsumer::commit(Partitions offsets, nanoseconds timeout) {
    return core_->consumer().commit(std::move(offsets), timeout);
}
Result<Partitions> PriorityConsumer::commit(const Message& message, nanoseconds timeout) {
    return core_->consumer().commit(message, timeout);
}
Result<void> PriorityConsumer::store_offsets(Partitions offsets) { return core_->store_offsets(std::move(offsets)); }
Result<void> PriorityConsumer::store(const Message& message) { return core_->store(message); }
Result<void> PriorityConsumer::close(nanoseconds timeout) { return core_->close(timeout); }
bool PriorityConsumer::is_closed() const noexcept { return core_->consumer().is_closed(); }
PriorityStats PriorityConsumer::stats() const { return core_->stats(); }
std::string PriorityConsumer::describe() const { return to_string(core_->stats()); }
Consumer& PriorityConsumer::consumer() noexcept { return core_->consumer(); }

std::string_view to_string(PriorityOrder order) noexcept {
    return order == PriorityOrder::strict ? "strict" : "weighted";
}

std::string to_string(const PriorityStats& s) {
    std::string text;
    for (const auto& c : s.classes)
        text += fmt::format("{}{}: {} handed out, {} here, {} behind, waits {} ms{}", text.empty() ? "" : "\n", c.name,
                            c.handed_out, c.buffered, c.lag, c.waiting.count(), c.is_paused ? ", paused" : "");
    return text;
}

}  // namespace ottla::inline v0
