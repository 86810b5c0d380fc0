// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_offsets.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace ottla::broker::groups {

std::size_t GroupOffsets::size() const noexcept {
    std::size_t count = 0;
    for (const auto& [name, partitions] : topics_) count += partitions.size();
    return count;
}

const CommittedOffset* GroupOffsets::find(std::string_view topic, std::int32_t partition) const {
    const auto topic_at = topics_.find(topic);
    if (topic_at == topics_.end()) return nullptr;
    const auto at = topic_at->second.find(partition);
    return at == topic_at->second.end() ? nullptr : &at->second;
}

std::vector<GroupOffsets::Place> GroupOffsets::all() const {
    std::vector<Place> places;
    std::set<std::pair<std::string_view, std::int32_t>> pending;
    for (const auto& [producer, records] : pending_) {
        for (const auto& [record, log_offset] : records) {
            if (pending.emplace(record.key.topic, record.key.partition).second)
                places.push_back({record.key.topic, record.key.partition, nullptr, record.value->topic_id});
        }
    }
    for (const auto& [topic, partitions] : topics_) {
        for (const auto& [number, committed] : partitions) {
            if (!pending.contains({topic, number})) places.push_back({topic, number, &committed, committed.topic_id});
        }
    }
    return places;
}

void GroupOffsets::apply(const OffsetRecord& record, std::int64_t log_offset) {
    if (!record.value) {
        forget_pending(record.key);
        const auto topic = topics_.find(record.key.topic);
        if (topic == topics_.end()) return;
        topic->second.erase(record.key.partition);
        if (topic->second.empty()) topics_.erase(topic);
        return;
    }
    CommittedOffset& kept = topics_[record.key.topic][record.key.partition];
    kept.offset = record.value->offset;
    kept.leader_epoch = record.value->leader_epoch;
    kept.metadata = record.value->metadata;
    kept.commit_ms = record.value->commit_timestamp;
    kept.expire_ms = record.value->expire_timestamp;
    kept.topic_id = record.value->topic_id;
    kept.log_offset = log_offset;
}

void GroupOffsets::apply_pending(std::int64_t producer_id, const OffsetRecord& record, std::int64_t log_offset) {
    if (!record.value) return forget_pending(record.key);
    pending_[producer_id].push_back({record, log_offset});
}

// What is deleted does not come back when a transaction ends.
void GroupOffsets::forget_pending(const OffsetRecord::Key& key) {
    for (auto& [producer, records] : pending_)
        std::erase_if(records, [&](const auto& one) { return one.record.key == key; });
    std::erase_if(pending_, [](const auto& of_producer) { return of_producer.second.empty(); });
}

void GroupOffsets::end_transaction(std::int64_t producer_id, bool committed) {
    const auto node = pending_.extract(producer_id);
    if (node.empty() || !committed) return;
    for (const auto& [record, log_offset] : node.mapped()) {
        const auto* const known = find(record.key.topic, record.key.partition);
        if (!known || known->log_offset < log_offset) apply(record, log_offset);
    }
}

bool GroupOffsets::is_pending(std::string_view topic, std::int32_t partition) const {
    return std::ranges::any_of(pending_, [&](const auto& of_producer) {
        return std::ranges::any_of(of_producer.second, [&](const auto& one) {
            return one.record.key.topic == topic && one.record.key.partition == partition;
        });
    });
}

}  // namespace ottla::broker::groups
