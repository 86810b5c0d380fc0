// SPDX-License-Identifier: Apache-2.0
// Where the replicas of new partitions go: round robin from a random start, racks taking turns, so that leaders and
// copies spread evenly.
#pragma once

#include <cstdint>
#include <vector>

#include <ottla/result.hpp>
#include "base/random.hpp"
#include "broker/metadata/image.hpp"

namespace ottla::broker {

using Assignment = std::vector<std::int32_t>;  // replicas of one partition, the preferred leader first

// INVALID_REPLICATION_FACTOR when there are too few brokers that are up.
Result<std::vector<Assignment>> place_replicas(const MetadataImage&, std::int32_t partitions,
                                               std::int16_t replication_factor, base::Random&);

// A new partition as it is written: in sync are the replicas that are up, the first of them leads.
PartitionImage new_partition(const MetadataImage&, const Assignment&);

}  // namespace ottla::broker
