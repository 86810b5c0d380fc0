// SPDX-License-Identifier: Apache-2.0
// What a broker has to do with its partitions when one image follows another. Decides only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/metadata/image.hpp"
#include "broker/partitions/partition.hpp"
#include "broker/server/config.hpp"
#include "broker/server/partition_key.hpp"

namespace ottla::broker {

struct PartitionChange {
    enum Kind : std::uint8_t { open, change, remove };

    Kind kind = open;
    PartitionKey key;
    std::string topic;
    PartitionSettings settings;
    bool leads = false;
    std::int32_t leader_epoch = 0;
    Uuid directory;       // that the controller knows it in; zero: none
    bool is_new = false;  // it came into being between the two images: nobody can have written to it
};

PartitionSettings partition_settings(const MetadataImage&, const BrokerConfig&, const std::string& topic);

// In the order of topics and partitions: what is new here, what changed its leader or settings, what is gone.
std::vector<PartitionChange> partition_changes(const MetadataImage& before, const MetadataImage& after,
                                               std::int32_t broker, const BrokerConfig&);

}  // namespace ottla::broker
