// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/fetch_session.hpp"

#include <limits>
#include <utility>

#include "base/assert.hpp"

namespace ottla::broker {

using protocol::FetchRequest;

std::vector<FetchItem> take_items(FetchRequest& request, bool by_topic_id) {
    std::vector<FetchItem> items;
    std::size_t count = 0;
    for (const auto& topic : request.topics) count += topic.partitions.size();
    items.reserve(count);
    for (auto& topic : request.topics) {
        auto named = std::make_shared<FetchedTopic>();
        if (by_topic_id) {
            named->id = topic.topic_id;
        } else {
            named->name = std::move(topic.topic);
        }
        for (auto& partition : topic.partitions) items.push_back({named, std::move(partition)});
    }
    return items;
}

FetchSession::FetchSession(std::int32_t id, bool by_topic_id, std::span<const FetchItem> items,
                           std::span<const FetchNews> news)
    : id_(id),
      by_topic_id_(by_topic_id) {
    OTTLA_ASSERT(items.size() == news.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        CachedPartition& partition = at(items[i]);
        partition.item.wanted = items[i].wanted;
        partition.tell(news[i]);
    }
}

std::int32_t FetchSession::epoch_after(std::int32_t epoch) noexcept {
    return epoch == std::numeric_limits<std::int32_t>::max() ? 1 : epoch + 1;
}

FetchSession::CachedPartition& FetchSession::at(const FetchItem& item) {
    auto [topic, added] = topics_.try_emplace(*item.topic);
    if (added) topic->second.topic = item.topic;
    auto [place, is_new] = topic->second.partitions.try_emplace(item.wanted.partition);
    if (is_new) {
        CachedPartition partition;
        partition.item = {topic->second.topic, item.wanted};
        place->second = partitions_.insert(partitions_.end(), std::move(partition));
    }
    return *place->second;
}

void FetchSession::forget(const FetchedTopic& topic, std::span<const std::int32_t> partitions) {
    const auto known = topics_.find(topic);
    if (known == topics_.end()) return;
    for (const std::int32_t number : partitions) {
        const auto place = known->second.partitions.find(number);
        if (place == known->second.partitions.end()) continue;
        partitions_.erase(place->second);
        known->second.partitions.erase(place);
    }
    if (known->second.partitions.empty()) topics_.erase(known);
}

void FetchSession::update(std::vector<FetchItem> changed, std::span<const FetchRequest::ForgottenTopic> forgotten) {
    for (auto& item : changed) {
        CachedPartition& partition = at(item);
        partition.item.wanted = std::move(item.wanted);
    }
    // Last: who names a partition in both lists does not fetch it.
    for (const auto& topic : forgotten) {
        FetchedTopic named;
        if (by_topic_id_) {
            named.id = topic.topic_id;
        } else {
            named.name = topic.topic;
        }
        forget(named, topic.partitions);
    }
}

std::vector<FetchItem> FetchSession::items() const {
    std::vector<FetchItem> items;
    items.reserve(partitions_.size());
    for (const auto& partition : partitions_) items.push_back(partition.item);
    return items;
}

std::vector<bool> FetchSession::tell(std::span<const FetchNews> news) {
    OTTLA_ASSERT(news.size() == partitions_.size());
    std::vector<bool> told;
    told.reserve(news.size());
    Partitions served;
    auto at = partitions_.begin();
    for (const FetchNews& found : news) {
        const auto partition = at++;
        told.push_back(partition->tell(found));
        if (found.has_records) served.splice(served.end(), partitions_, partition);
    }
    partitions_.splice(partitions_.end(), served);
    return told;
}

bool FetchSession::CachedPartition::tell(const FetchNews& news) noexcept {
    const bool has_moved = news.high_watermark != told_high_watermark || news.log_start_offset != told_log_start_offset;
    // After an error nothing counts as told: the partition is told again once it is well.
    told_high_watermark = news.is_error ? -1 : news.high_watermark;
    told_log_start_offset = news.log_start_offset;
    return news.has_records || news.is_error || news.is_diverging || has_moved;
}

}  // namespace ottla::broker
