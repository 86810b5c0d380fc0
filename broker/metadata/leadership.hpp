// SPDX-License-Identifier: Apache-2.0
// Who leads a partition when a broker, or one of its log directories, comes or goes (KIP-858, KIP-966). Decides only.
#pragma once

#include <optional>

#include "broker/metadata/image.hpp"
#include "broker/metadata/records.hpp"

namespace ottla::broker {

// A directory's id that names none: Kafka keeps those whose first 8 bytes are zero, and the number below 100.
inline constexpr Uuid directory_unassigned{};                                            // the broker has not said yet
inline constexpr Uuid directory_lost{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};  // in one that has failed
inline constexpr Uuid directory_migrating{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};

// As far as is known.
bool directory_is_online(const BrokerImage&, const Uuid& directory) noexcept;
// The broker is up, and so is the directory with its replica.
bool replica_is_online(const MetadataImage&, const PartitionImage&, std::int32_t broker) noexcept;

protocol::PartitionChangeRecord change_of(const TopicImage&, std::int32_t partition);
// The broker leaves the replicas in sync: another one of them leads, or nobody does and it stays eligible. Nothing when
// it is not among them.
std::optional<protocol::PartitionChangeRecord> leave_partition(const MetadataImage&, const TopicImage&,
                                                               std::int32_t partition, std::int32_t broker);
// The broker takes up what nobody leads, and what it led before it vanished: that in a new epoch, since the end of its
// log may be gone. Nothing when it may not.
std::optional<protocol::PartitionChangeRecord> take_partition(const TopicImage&, std::int32_t partition,
                                                              std::int32_t broker);

template <class Visit>
void for_each_partition_of(const MetadataImage& image, std::int32_t broker, Visit visit) {
    for (const auto& [name, topic] : image.topics()) {
        for (std::size_t p = 0; p < topic->partitions.size(); ++p) {
            if (topic->partitions[p].has_replica(broker))
                visit(*topic, static_cast<std::int32_t>(p), topic->partitions[p]);
        }
    }
}

}  // namespace ottla::broker
