// SPDX-License-Identifier: Apache-2.0
#include "client/cluster/metadata_cache.hpp"

#include <algorithm>

namespace ottla::client {
namespace {

using protocol::MetadataResponse;

ErrorCode code(std::int16_t wire) { return static_cast<ErrorCode>(wire); }

bool says_absent(ErrorCode e) { return e == ErrorCode::unknown_topic_or_partition || e == ErrorCode::unknown_topic_id; }

// A broker that has not heard yet that a topic is there answers so; what is known of it is still good.
bool says_nothing(ErrorCode e) { return e == ErrorCode::leader_not_available || says_absent(e); }

PartitionInfo info(const MetadataResponse::MetadataResponsePartition& p) {
    PartitionInfo out;
    out.leader = p.leader_id;
    out.leader_epoch = p.leader_epoch;
    out.error = code(p.error_code);
    // A listener or replica that is missing does not take the leader away.
    if (out.error == ErrorCode::replica_not_available) out.error = ErrorCode::none;
    out.replicas = p.replica_nodes;
    out.in_sync_replicas = p.isr_nodes;
    out.offline_replicas = p.offline_replicas;
    return out;
}

}  // namespace

void MetadataCache::update(const MetadataResponse& answer, bool all, TimePoint now) {
    ++version_;
    if (answer.cluster_id) cluster_id_ = *answer.cluster_id;
    controller_ = answer.controller_id;
    // An answer without brokers is that of a broker that knows nothing yet.
    if (!answer.brokers.empty()) {
        brokers_.clear();
        for (const auto& b : answer.brokers) {
            if (b.port <= 0 || b.port > 65535 || b.node_id < 0) continue;
            brokers_[b.node_id] = BrokerInfo{net::Endpoint(b.host, static_cast<std::uint16_t>(b.port)), b.rack};
        }
    }
    if (all) {
        std::map<std::string, TopicInfo, std::less<>> kept;
        for (const auto& t : answer.topics)
            if (t.name)
                if (auto known = topics_.extract(*t.name)) kept.insert(std::move(known));
        topics_ = std::move(kept);
        std::erase_if(names_, [&](const auto& entry) { return !topics_.contains(entry.second); });
    }
    for (const auto& t : answer.topics) update_topic(t, now);
}

void MetadataCache::update_topic(const MetadataResponse::MetadataResponseTopic& from, TimePoint now) {
    std::string name = from.name.value_or(std::string());
    // Who is asked by an id that he does not know tells no name.
    if (name.empty() && from.error_code != 0)
        if (const auto known = names_.find(from.topic_id); known != names_.end()) name = known->second;
    if (name.empty()) return;
    TopicInfo& topic = topics_[name];
    topic.name = std::move(name);
    topic.updated = now;
    topic.version = version_;
    topic.error = code(from.error_code);
    if (!says_absent(topic.error))
        topic.absent_since.reset();
    else if (!topic.absent_since)
        topic.absent_since = now;
    if (topic.error != ErrorCode::none) {
        if (!says_nothing(topic.error)) topic.partitions.clear();
        return;
    }
    const bool recreated = !topic.id.is_zero() && !from.topic_id.is_zero() && topic.id != from.topic_id;
    if (recreated) {
        names_.erase(topic.id);
        topic.partitions.clear();
    }
    const bool is_the_same = !topic.id.is_zero() && topic.id == from.topic_id;
    topic.id = from.topic_id;
    if (!topic.id.is_zero()) names_[topic.id] = topic.name;
    topic.is_internal = from.is_internal;
    update_partitions(topic, from, is_the_same);
}

void MetadataCache::update_partitions(TopicInfo& topic, const MetadataResponse::MetadataResponseTopic& from,
                                      bool keeps_others) {
    std::vector<PartitionInfo> before = std::move(topic.partitions);
    topic.partitions.clear();
    // Ids run from 0 without gaps; anything else is not believed.
    std::size_t count = 0;
    for (const auto& p : from.partitions)
        if (p.partition_index >= 0 && static_cast<std::size_t>(p.partition_index) < from.partitions.size())
            count = std::max(count, static_cast<std::size_t>(p.partition_index) + 1);
    topic.partitions.resize(count);
    for (auto& p : topic.partitions) p.error = ErrorCode::leader_not_available;
    for (const auto& p : from.partitions) {
        if (p.partition_index < 0 || static_cast<std::size_t>(p.partition_index) >= count) continue;
        const auto i = static_cast<std::size_t>(p.partition_index);
        PartitionInfo fresh = info(p);
        const bool stale = i < before.size() && fresh.leader_epoch >= 0 && fresh.leader_epoch < before[i].leader_epoch;
        topic.partitions[i] = stale ? std::move(before[i]) : std::move(fresh);
    }
    if (keeps_others)
        for (std::size_t i = count; i < before.size(); ++i) topic.partitions.push_back(std::move(before[i]));
}

bool MetadataCache::apply_leader_hint(std::string_view topic, std::int32_t partition, BrokerId leader,
                                      std::int32_t leader_epoch) {
    const auto at = topics_.find(topic);
    if (at == topics_.end() || partition < 0 || leader < 0) return false;
    auto& partitions = at->second.partitions;
    if (static_cast<std::size_t>(partition) >= partitions.size()) return false;
    PartitionInfo& p = partitions[static_cast<std::size_t>(partition)];
    if (leader_epoch <= p.leader_epoch) return false;
    p.leader = leader;
    p.leader_epoch = leader_epoch;
    p.error = ErrorCode::none;
    ++version_;
    return true;
}

void MetadataCache::add_broker(BrokerId id, BrokerInfo broker) {
    if (id >= 0) brokers_[id] = std::move(broker);
}

void MetadataCache::forget(std::string_view topic) {
    const auto at = topics_.find(topic);
    if (at == topics_.end()) return;
    names_.erase(at->second.id);
    topics_.erase(at);
    ++version_;
}

const TopicInfo* MetadataCache::topic(std::string_view name) const {
    const auto at = topics_.find(name);
    return at == topics_.end() ? nullptr : &at->second;
}

const TopicInfo* MetadataCache::topic(const Uuid& id) const {
    const auto at = names_.find(id);
    return at == names_.end() ? nullptr : topic(std::string_view(at->second));
}

std::optional<Uuid> MetadataCache::id_of(std::string_view name) const {
    const TopicInfo* t = topic(name);
    if (!t || t->error != ErrorCode::none || t->id.is_zero()) return std::nullopt;
    return t->id;
}

const PartitionInfo* MetadataCache::partition(std::string_view name, std::int32_t partition) const {
    const TopicInfo* t = topic(name);
    if (!t || partition < 0 || static_cast<std::size_t>(partition) >= t->partitions.size()) return nullptr;
    return &t->partitions[static_cast<std::size_t>(partition)];
}

const BrokerInfo* MetadataCache::broker(BrokerId id) const {
    const auto at = brokers_.find(id);
    return at == brokers_.end() ? nullptr : &at->second;
}

PartitionMetadata to_public(const PartitionInfo& from, std::int32_t id) {
    PartitionMetadata p;
    p.id = id;
    p.leader = from.leader;
    p.leader_epoch = from.leader_epoch;
    p.replicas = from.replicas;
    p.in_sync_replicas = from.in_sync_replicas;
    p.offline_replicas = from.offline_replicas;
    if (from.error != ErrorCode::none) p.error = Error::of(from.error);
    return p;
}

Metadata to_public(const MetadataResponse& answer) {
    Metadata m;
    m.cluster_id = answer.cluster_id.value_or(std::string());
    m.controller_id = answer.controller_id;
    for (const auto& b : answer.brokers) {
        Node& node = m.brokers.emplace_back();
        node.id = b.node_id;
        node.host = b.host;
        node.port = b.port;
        node.rack = b.rack;
    }
    for (const auto& t : answer.topics) {
        TopicMetadata& topic = m.topics.emplace_back();
        topic.name = t.name.value_or(std::string());
        topic.id = t.topic_id;
        topic.is_internal = t.is_internal;
        if (t.error_code != 0)
            topic.error = Error::of(code(t.error_code),
                                    "topic '" + topic.name + "': " + std::string(describe(code(t.error_code))));
        for (const auto& p : t.partitions) topic.partitions.push_back(to_public(info(p), p.partition_index));
        std::ranges::sort(topic.partitions, {}, &PartitionMetadata::id);
    }
    std::ranges::sort(m.brokers, {}, &Node::id);
    std::ranges::sort(m.topics, {}, &TopicMetadata::name);
    return m;
}

}  // namespace ottla::client
