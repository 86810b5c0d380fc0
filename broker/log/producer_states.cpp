// SPDX-License-Identifier: Apache-2.0
#include "broker/log/producer_states.hpp"

#include <algorithm>

namespace ottla::broker::log {

ProducerStates::ProducerStates(std::span<const ProducerEntry> entries) {
    for (const ProducerEntry& entry : entries) {
        producers_[entry.producer_id] = entry;
        if (entry.transaction_first_offset >= 0) begin(entry.transaction_first_offset, entry.producer_id);
    }
}

// Of the batch's producer. A new epoch knows nothing of the batches before it.
ProducerEntry& ProducerStates::entry_of(const protocol::RecordBatchHeader& batch) {
    ProducerEntry& entry = producers_[batch.producer_id];
    if (entry.epoch != batch.producer_epoch || entry.producer_id != batch.producer_id) {
        entry.producer_id = batch.producer_id;
        entry.epoch = batch.producer_epoch;
        entry.last_sequence = -1;
        entry.last_offset = -1;
        entry.offset_delta = 0;
    }
    entry.timestamp = batch.max_timestamp;
    return entry;
}

void ProducerStates::add(const protocol::RecordBatchHeader& batch) {
    if (!batch.has_producer_id() || batch.is_control()) return;
    ProducerEntry& entry = entry_of(batch);
    entry.last_sequence = batch.last_sequence();
    entry.last_offset = batch.last_offset();
    entry.offset_delta = batch.last_offset_delta;
    if (batch.is_transactional() && entry.transaction_first_offset < 0) {
        entry.transaction_first_offset = batch.base_offset;
        begin(batch.base_offset, batch.producer_id);
    }
}

std::optional<TransactionIndexEntry> ProducerStates::end_transaction(const protocol::RecordBatchHeader& batch,
                                                                     const protocol::EndTransactionMarker& marker) {
    ProducerEntry& entry = entry_of(batch);
    entry.coordinator_epoch = marker.coordinator_epoch;
    const std::int64_t first = std::exchange(entry.transaction_first_offset, -1);
    if (first < 0) return std::nullopt;  // nothing was written in it
    open_.erase(first);
    const std::int64_t at = batch.last_offset();
    ended_.push_back({first, at});
    if (marker.committed) return std::nullopt;
    return TransactionIndexEntry{batch.producer_id, first, at, open_.empty() ? at + 1 : open_.begin()->first};
}

void ProducerStates::expire(std::int64_t older_than_ms) {
    std::erase_if(producers_, [older_than_ms](const auto& one) {
        return one.second.transaction_first_offset < 0 && one.second.timestamp < older_than_ms;
    });
}

std::optional<std::int64_t> ProducerStates::first_unstable_offset(std::int64_t high_watermark) const {
    std::optional<std::int64_t> first;
    if (!open_.empty()) first = open_.begin()->first;
    for (const Ended& one : ended_) {
        if (one.marker_offset >= high_watermark && (!first || one.first_offset < *first)) first = one.first_offset;
    }
    return first;
}

void ProducerStates::committed_up_to(std::int64_t high_watermark) {
    std::erase_if(ended_, [high_watermark](const Ended& one) { return one.marker_offset < high_watermark; });
}

const ProducerEntry* ProducerStates::find(std::int64_t producer_id) const {
    const auto found = producers_.find(producer_id);
    return found == producers_.end() ? nullptr : &found->second;
}

std::vector<ProducerEntry> ProducerStates::entries() const {
    std::vector<ProducerEntry> all;
    all.reserve(producers_.size());
    for (const auto& [id, entry] : producers_) all.push_back(entry);
    std::ranges::sort(all, {}, &ProducerEntry::producer_id);
    return all;
}

}  // namespace ottla::broker::log
