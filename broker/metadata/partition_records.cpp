// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/partition_records.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace ottla::broker {
namespace {

Error wrong(std::string text) { return Error::of(ErrorCode::invalid_replica_assignment, std::move(text)); }

}  // namespace

MetadataRecord partition_record(const Uuid& topic_id, std::int32_t number, const PartitionImage& partition) {
    protocol::PartitionRecord record;
    record.partition_id = number;
    record.topic_id = topic_id;
    record.replicas = partition.replicas;
    record.isr = partition.isr;
    record.removing_replicas = partition.removing_replicas;
    record.adding_replicas = partition.adding_replicas;
    if (!partition.eligible_leader_replicas.empty())
        record.eligible_leader_replicas = partition.eligible_leader_replicas;
    if (!partition.last_known_elr.empty()) record.last_known_elr = partition.last_known_elr;
    record.leader_recovery_state = partition.leader_recovery_state;
    record.leader = partition.leader;
    record.leader_epoch = partition.leader_epoch;
    record.partition_epoch = partition.partition_epoch;
    record.directories = partition.directories;
    return record;
}

Result<void> check_replicas(const MetadataImage& image, std::int32_t partition,
                            const std::vector<std::int32_t>& replicas) {
    if (replicas.empty()) {
        return wrong(fmt::format("The manual partition assignment for partition {} includes no replicas", partition));
    }
    const std::set<std::int32_t> distinct(replicas.begin(), replicas.end());
    if (distinct.size() != replicas.size()) {
        return wrong(
            fmt::format("The manual partition assignment for partition {} names a broker more than once", partition));
    }
    for (const auto id : replicas) {
        if (!image.broker(id)) {
            return wrong(fmt::format(
                "The manual partition assignment includes broker {}, but no such broker is registered.", id));
        }
    }
    if (std::none_of(replicas.begin(), replicas.end(), [&](auto id) { return image.is_alive(id); })) {
        return wrong(
            fmt::format("All brokers of the manual partition assignment for partition {} are fenced", partition));
    }
    return ok();
}

Result<void> check_replication_factor(std::span<const Assignment> all, std::int16_t copies_max) {
    for (const auto& replicas : all) {
        if (replicas.size() > static_cast<std::size_t>(copies_max)) {
            return Error::of(ErrorCode::invalid_replication_factor,
                             fmt::format("Replication factor {} is larger than {}: this cluster does not replicate",
                                         replicas.size(), copies_max));
        }
    }
    return ok();
}

}  // namespace ottla::broker
