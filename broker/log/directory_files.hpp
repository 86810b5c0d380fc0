// SPDX-License-Identifier: Apache-2.0
// The small files beside the logs, as Kafka writes and reads them: what they say, to and from text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/result.hpp>
#include <ottla/uuid.hpp>

namespace ottla::broker::log {

// `meta.properties`: whose directory this is.
struct MetaProperties {
    std::string cluster_id;
    std::int32_t node_id = -1;
    Uuid directory_id;

    // corrupt_storage when a key is missing or not what it should be, or the version is not 1.
    static Result<MetaProperties> parse(std::string_view text);
    std::string to_text() const;
    friend bool operator==(const MetaProperties&, const MetaProperties&) = default;
};

// `partition.metadata`: which topic a partition's directory belongs to. unsupported_version when a newer broker wrote
// it; so do the checkpoints.
Result<Uuid> parse_partition_metadata(std::string_view text);
std::string partition_metadata_text(const Uuid& topic_id);

// `.kafka_cleanshutdown`: the broker epoch (offset of its own registration; -1 unknown) at a stop in order.
Result<std::int64_t> parse_clean_shutdown(std::string_view text);
std::string clean_shutdown_text(std::int64_t broker_epoch);

struct TopicPartitionName {
    std::string topic;
    std::int32_t partition = 0;
    friend auto operator<=>(const TopicPartitionName&, const TopicPartitionName&) = default;
};
// "orders-3"; nothing for other names, those ending in -delete, -future and -stray included.
std::optional<TopicPartitionName> parse_partition_directory(std::string_view name);
std::string partition_directory(std::string_view topic, std::int32_t partition);

// The checkpoints of a log directory (`recovery-point-offset-checkpoint` and its like): "0\n<count>\n<topic>
// <partition> <offset>\n…".
using OffsetCheckpoint = std::map<TopicPartitionName, std::int64_t>;
Result<OffsetCheckpoint> parse_offset_checkpoint(std::string_view text);
std::string offset_checkpoint_text(const OffsetCheckpoint&);

// `quorum-state`: data_version 0 of kraft.version 0, 1 of kraft.version 1, whose voters stand in the metadata log.
struct QuorumState {
    std::int32_t data_version = 0;
    std::int32_t leader_id = -1;
    std::int32_t leader_epoch = 0;
    std::int32_t voted_id = -1;
    std::vector<std::int32_t> voters;  // data_version 0 only

    static Result<QuorumState> parse(std::string_view text);
    std::string to_text() const;
    friend bool operator==(const QuorumState&, const QuorumState&) = default;
};

}  // namespace ottla::broker::log
