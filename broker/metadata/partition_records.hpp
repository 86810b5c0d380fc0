// SPDX-License-Identifier: Apache-2.0
// Partition records, and the checks of assignments that CreateTopics and CreatePartitions share.
#pragma once

#include <span>

#include "broker/metadata/image.hpp"
#include "broker/metadata/placement.hpp"
#include "broker/metadata/records.hpp"

namespace ottla::broker {

MetadataRecord partition_record(const Uuid& topic_id, std::int32_t number, const PartitionImage&);

// INVALID_REPLICA_ASSIGNMENT: no replica, one twice, an unknown broker, none that is up.
Result<void> check_replicas(const MetadataImage&, std::int32_t partition, const std::vector<std::int32_t>& replicas);

// INVALID_REPLICATION_FACTOR when an assignment has more copies than this cluster can keep.
Result<void> check_replication_factor(std::span<const Assignment>, std::int16_t copies_max);

}  // namespace ottla::broker
