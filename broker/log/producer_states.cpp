// SPDX-License-Identifier: Apache-2.0
#include "broker/log/producer_states.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace ottla::broker::log {
namespace {

constexpr std::int32_t sequence_max = std::numeric_limits<std::int32_t>::max();

// Sequences go from 0 to 2³¹ - 1 and around.
std::int32_t sequence_before(std::int32_t sequence, std::int32_t by) noexcept {
    return sequence >= by ? sequence - by : sequence_max - (by - sequence - 1);
}
std::int32_t sequence_behind(std::int32_t sequence) noexcept { return sequence == sequence_max ? 0 : sequence + 1; }

}  // namespace

ProducerStates::ProducerStates(std::span<const ProducerEntry> entries) {
    for (const ProducerEntry& entry : entries) {
        Known& producer = producers_[entry.producer_id];
        producer.entry = entry;
        // A snapshot may say anything.
        if (entry.last_sequence >= 0 && entry.offset_delta >= 0 && entry.last_offset >= entry.offset_delta)
            producer.recent.add({sequence_before(entry.last_sequence, entry.offset_delta), entry.last_sequence,
                                 entry.last_offset - entry.offset_delta, entry.last_offset, entry.timestamp});
        if (entry.transaction_first_offset >= 0) begin(entry.transaction_first_offset, entry.producer_id);
    }
}

// Of the batch's producer. A new epoch knows nothing of the batches before it.
ProducerStates::Known& ProducerStates::known(const protocol::RecordBatchHeader& batch) {
    Known& producer = producers_[batch.producer_id];
    ProducerEntry& entry = producer.entry;
    if (entry.epoch != batch.producer_epoch || entry.producer_id != batch.producer_id) {
        entry.producer_id = batch.producer_id;
        entry.epoch = batch.producer_epoch;
        entry.last_sequence = -1;
        entry.last_offset = -1;
        entry.offset_delta = 0;
        producer.recent.clear();
    }
    entry.timestamp = batch.max_timestamp;
    return producer;
}

Result<std::optional<RecentBatch>> ProducerStates::check(const protocol::RecordBatchHeader& batch) const {
    if (!batch.has_producer_id()) return std::optional<RecentBatch>();
    const auto found = producers_.find(batch.producer_id);
    if (found == producers_.end()) return std::optional<RecentBatch>();
    const auto& [entry, recent] = found->second;
    if (batch.producer_epoch < entry.epoch)
        return Error::of(ErrorCode::invalid_producer_epoch,
                         fmt::format("producer {} has written under epoch {}, this batch has {}", batch.producer_id,
                                     entry.epoch, batch.producer_epoch));
    const bool same_epoch = batch.producer_epoch == entry.epoch;
    if (same_epoch) {
        if (const RecentBatch* again = recent.find(batch.base_sequence, batch.last_sequence()))
            return std::optional(*again);
    }
    const std::int32_t expected = same_epoch ? sequence_behind(entry.last_sequence) : 0;
    if (batch.base_sequence == expected) return std::optional<RecentBatch>();
    return Error::of(ErrorCode::out_of_order_sequence_number,
                     fmt::format("producer {}, epoch {}: sequence {} where {} is next", batch.producer_id,
                                 batch.producer_epoch, batch.base_sequence, expected));
}

void ProducerStates::add(const protocol::RecordBatchHeader& batch) {
    if (!batch.has_producer_id() || batch.is_control()) return;
    Known& producer = known(batch);
    producer.recent.add(
        {batch.base_sequence, batch.last_sequence(), batch.base_offset, batch.last_offset(), batch.max_timestamp});
    ProducerEntry& entry = producer.entry;
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
    ProducerEntry& entry = known(batch).entry;
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
        const ProducerEntry& entry = one.second.entry;
        return entry.transaction_first_offset < 0 && entry.timestamp < older_than_ms;
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
    return found == producers_.end() ? nullptr : &found->second.entry;
}

std::vector<ProducerEntry> ProducerStates::entries() const {
    std::vector<ProducerEntry> all;
    all.reserve(producers_.size());
    for (const auto& [id, producer] : producers_) all.push_back(producer.entry);
    std::ranges::sort(all, {}, &ProducerEntry::producer_id);
    return all;
}

}  // namespace ottla::broker::log
