// SPDX-License-Identifier: Apache-2.0
// The part of Delivery that knows what is to be committed: what was handed out counts as done when the next call for
// more comes, since only then the application has returned it.
#include <algorithm>

#include <fmt/format.h>

#include "client/consumer/delivery.hpp"

namespace ottla::client {

std::int64_t Delivery::stored_offset(const PartitionSlot& slot) const {
    const std::lock_guard lock(delivery_mutex_);
    return slot.stored.offset;
}

Delivery::Held Delivery::held(const std::vector<TopicPartition>& partitions) const {
    const std::lock_guard lock(delivery_mutex_);
    Held held;
    for (const auto& tp : partitions)
        if (auto slot = find(tp)) held.emplace(Key(tp.topic, tp.partition), std::move(slot));
    return held;
}

bool Delivery::is_held(const PartitionSlot& slot) const {
    const std::lock_guard lock(delivery_mutex_);
    const auto at = slots_.find(Key(*slot.topic, slot.partition));
    return at != slots_.end() && at->second.get() == &slot;
}

void Delivery::begin_anew(std::string_view topic) {
    std::vector<TopicPartition> all;
    {
        const std::lock_guard lock(delivery_mutex_);
        for (const auto& [key, slot] : slots_) {
            if (key.first != topic) continue;
            all.emplace_back(key.first, key.second, Offset::stored());
            slot->stored = {};
            slot->committed = -1;
            slot->group_committed = Offset::invalid().value();
        }
    }
    if (!all.empty()) seek(std::move(all));
}

void Delivery::returned() {
    const std::lock_guard lock(delivery_mutex_);
    store_handed();
}

void Delivery::not_returned() {
    const std::lock_guard lock(delivery_mutex_);
    handed_ = nullptr;
}

void Delivery::polled() {
    const std::lock_guard lock(delivery_mutex_);
    begin_call();
}

void Delivery::begin_call() {
    polls_.store(polls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    store_handed();
}

void Delivery::store_handed() {
    if (!handed_) return;
    handed_->stored.offset = handed_next_;
    handed_->stored.leader_epoch = handed_epoch_;
    handed_ = nullptr;
}

void Delivery::handed_out(const SlotPtr& slot, std::int64_t next_offset, std::int32_t leader_epoch) {
    slot->position.store(next_offset, std::memory_order_relaxed);
    if (!stores_) return;
    handed_ = slot.get();
    handed_next_ = next_offset;
    handed_epoch_ = leader_epoch;
}

std::vector<TopicPartition> Delivery::store(std::vector<TopicPartition> offsets) {
    const std::lock_guard lock(delivery_mutex_);
    for (auto& tp : offsets) {
        const auto slot = find(tp);
        tp.error = Error();
        if (!slot) {
            tp.error =
                Error::of(ErrorCode::invalid_state, fmt::format("{}[{}] is not assigned", tp.topic, tp.partition));
        } else if (!tp.offset.is_absolute()) {
            tp.error = Error::of(ErrorCode::invalid_argument,
                                 fmt::format("{}[{}]: only an offset from 0 up can be stored, not {}", tp.topic,
                                             tp.partition, to_string(tp.offset)));
        } else {
            slot->stored = {tp.offset.value(), tp.leader_epoch.value_or(-1), tp.metadata};
            slot->committed = -1;
        }
    }
    return offsets;
}

void Delivery::add_uncommitted(const PartitionSlot& slot, std::vector<TopicPartition>& to) {
    if (slot.stored.offset < 0 || slot.stored.offset == slot.committed) return;
    auto& tp = to.emplace_back(*slot.topic, slot.partition, slot.stored.offset);
    if (slot.stored.leader_epoch >= 0) tp.leader_epoch = slot.stored.leader_epoch;
    tp.metadata = slot.stored.metadata;
}

std::vector<TopicPartition> Delivery::to_commit() const {
    const std::lock_guard lock(delivery_mutex_);
    std::vector<TopicPartition> found;
    for (const auto& [key, slot] : slots_) add_uncommitted(*slot, found);
    return found;
}

std::vector<TopicPartition> Delivery::to_commit(const std::vector<TopicPartition>& partitions) const {
    const std::lock_guard lock(delivery_mutex_);
    std::vector<TopicPartition> found;
    for (const auto& tp : partitions)
        if (const auto slot = find(tp)) add_uncommitted(*slot, found);
    return found;
}

void Delivery::on_committed(const std::vector<TopicPartition>& offsets, const Held& held) {
    const std::lock_guard lock(delivery_mutex_);
    for (const auto& tp : offsets) {
        const auto at = held.find(Key(tp.topic, tp.partition));
        if (at == held.end() || tp.error.code() != ErrorCode::none) continue;
        at->second->committed = tp.offset.value();
        at->second->group_committed = tp.offset.value();
    }
}

}  // namespace ottla::client
