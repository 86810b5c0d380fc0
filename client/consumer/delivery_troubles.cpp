// SPDX-License-Identifier: Apache-2.0
// The part of Delivery that tells what goes wrong with partitions: each time as an event, once for each place as the
// error of a call for messages, and to whoever waits in vain.
#include <fmt/format.h>

#include "client/consumer/delivery.hpp"

namespace ottla::client {

// The batch may have been damaged on the way: it is fetched again after a pause, and nothing behind it is handed out
// before. Whoever knows better seeks past it.
Event Delivery::on_malformed(const Error& error) {
    const SlotPtr slot = decoder_.chunk().slot;
    const auto offset = decoder_.next_offset();
    const auto turn = begin_turn(*slot);
    slot->position = offset;
    decoder_.drop();
    finish_chunk();
    PartitionError event;
    event.topic = *slot->topic;
    event.partition = slot->partition;
    event.offset = offset;
    event.error = error.with_context(fmt::format("{}[{}]@{}", event.topic, event.partition, offset));
    event.goes_on = true;
    note_stuck(*slot, event);
    std::vector<Change> changes;
    changes.push_back({Change::Kind::seek, slot, turn, offset, event.error});
    on_changes_(std::move(changes));
    return event;
}

void Delivery::on_notice(Notice& notice) {
    auto* error = std::get_if<PartitionError>(&notice.event);
    if (!error || !notice.slot) return;
    if (!error->moved_to.is_absolute()) return note_stuck(*notice.slot, *error);
    notice.slot->position = error->moved_to.value();
    // As after a seek: what is committed next is where reading goes on.
    if (!stores_) return;
    notice.slot->stored = {};
    notice.slot->stored.offset = error->moved_to.value();
}

void Delivery::note_stuck(PartitionSlot& slot, PartitionError& event) {
    event.repeated = slot.is_stuck() && slot.stuck_by == event.error.code();
    slot.stuck_at = slot.position.load();
    slot.stuck_by = event.error.code();
    queue_->something_is_stuck = true;
}

std::string Delivery::trouble() const {
    if (!queue_->something_is_stuck.exchange(false)) return {};
    const std::lock_guard lock(delivery_mutex_);
    for (const auto& [key, slot] : slots_) {
        if (!slot->is_stuck() || slot->paused) continue;
        queue_->something_is_stuck = true;
        return fmt::format("{}[{}] stands still at {}: {}", key.first, key.second,
                           to_string(Offset(slot->position.load())), to_string(Error::of(slot->stuck_by)));
    }
    return {};
}

Error Delivery::error_of(const Event& event) {
    if (const auto* error = std::get_if<Error>(&event)) return *error;
    const auto* of = std::get_if<PartitionError>(&event);
    // From another place on it is read as if nothing had been.
    if (!of || of->repeated || (of->goes_on && of->moved_to.is_absolute())) return {};
    return of->error;
}

}  // namespace ottla::client
