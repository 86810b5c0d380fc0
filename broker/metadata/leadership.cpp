// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/leadership.hpp"

#include <algorithm>

namespace ottla::broker {
namespace {

bool holds(const std::vector<std::int32_t>& ids, std::int32_t id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

bool directory_is_online(const BrokerImage& broker, const Uuid& directory) noexcept {
    if (directory == directory_lost) return false;
    if (directory == directory_unassigned || directory == directory_migrating || broker.log_dirs.empty()) return true;
    return std::find(broker.log_dirs.begin(), broker.log_dirs.end(), directory) != broker.log_dirs.end();
}

bool replica_is_online(const MetadataImage& image, const PartitionImage& partition, std::int32_t broker) noexcept {
    const auto* known = image.broker(broker);
    return known && !known->fenced && directory_is_online(*known, partition.directory_of(broker));
}

protocol::PartitionChangeRecord change_of(const TopicImage& topic, std::int32_t partition) {
    protocol::PartitionChangeRecord change;
    change.topic_id = topic.id;
    change.partition_id = partition;
    return change;
}

std::optional<protocol::PartitionChangeRecord> leave_partition(const MetadataImage& image, const TopicImage& topic,
                                                               std::int32_t number, std::int32_t broker) {
    const auto& partition = *topic.partition(number);
    if (!holds(partition.isr, broker)) return std::nullopt;
    auto change = change_of(topic, number);
    change.isr = partition.isr;
    std::erase(*change.isr, broker);
    if (partition.leader == broker) {
        const auto next = std::find_if(change.isr->begin(), change.isr->end(),
                                       [&](auto id) { return replica_is_online(image, partition, id); });
        change.leader = next == change.isr->end() ? -1 : *next;
    }
    if (change.isr->empty()) {
        change.eligible_leader_replicas = {broker};
        change.last_known_elr = {broker};
    }
    return change;
}

std::optional<protocol::PartitionChangeRecord> take_partition(const TopicImage& topic, std::int32_t number,
                                                              std::int32_t broker) {
    const auto& partition = *topic.partition(number);
    const bool eligible = holds(partition.isr, broker) || holds(partition.eligible_leader_replicas, broker);
    if (!eligible || (partition.leader != -1 && partition.leader != broker)) return std::nullopt;
    auto change = change_of(topic, number);
    change.leader = broker;
    if (!holds(partition.isr, broker)) change.isr = {broker};
    if (!partition.eligible_leader_replicas.empty()) change.eligible_leader_replicas.emplace();
    if (!partition.last_known_elr.empty()) change.last_known_elr.emplace();
    return change;
}

}  // namespace ottla::broker
