// SPDX-License-Identifier: Apache-2.0
// What a config key comes to, and from where: the topic's own value, the dynamic one of the broker or of all
// brokers, server.properties, the default. DescribeConfigs shows the whole chain; the log reads only its head.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ottla/protocol/compression_type.hpp>
#include "broker/metadata/image.hpp"
#include "broker/server/config_table.hpp"
#include "broker/server/properties.hpp"

namespace ottla::broker {

// Kafka's numbers.
enum class ConfigSource : std::int8_t {
    dynamic_topic = 1,
    dynamic_broker = 2,
    dynamic_default_broker = 3,
    static_broker = 4,
    default_value = 5,
    dynamic_group = 8
};

struct ConfigSynonym {
    std::string_view name;
    std::optional<std::string> value;
    ConfigSource source{};
};

struct EffectiveConfig {
    std::optional<std::string> value;  // none: null
    ConfigSource source = ConfigSource::default_value;
    std::vector<ConfigSynonym> synonyms;  // the first gave the value
};

// Where values are looked up.
struct ConfigView {
    const MetadataImage& image;
    const Properties& static_values;
    std::int32_t node_id;
};

EffectiveConfig effective_topic_config(const ConfigKey&, const ConfigView&, std::string_view topic);
// `broker` is empty for the default of all brokers.
EffectiveConfig effective_broker_config(const ConfigKey&, const ConfigView&, std::string_view broker);

// What the brokers are set to is a group's default.
EffectiveConfig effective_group_config(const ConfigKey&, const ConfigView&, std::string_view group);

// What the partitions of a topic need at run time.
struct TopicConfig {
    std::int32_t max_message_bytes = 1'048'588;
    std::int32_t segment_bytes = 1'073'741'824;
    std::int64_t segment_ms = 604'800'000;
    std::int64_t segment_jitter_ms = 0;
    bool preallocate = false;
    std::int32_t segment_index_bytes = 10'485'760;
    std::int32_t index_interval_bytes = 4096;
    std::int32_t min_insync_replicas = 1;
    bool log_append_time = false;
    bool is_compacted = false;
    bool is_deleted = true;
    std::int64_t retention_ms = 604'800'000;
    std::int64_t retention_bytes = -1;
    std::int64_t file_delete_delay_ms = 60'000;
    std::int64_t flush_messages = INT64_MAX;
    std::int64_t flush_ms = INT64_MAX;
    double min_dirty_ratio = 0.5;
    std::int64_t delete_retention_ms = 86'400'000;
    std::int64_t min_compaction_lag_ms = 0;
    std::int64_t max_compaction_lag_ms = INT64_MAX;
    std::int64_t timestamp_before_max_ms = INT64_MAX;
    std::int64_t timestamp_after_max_ms = 3'600'000;
    // Nothing: as the producer sends it. The level is the Compressor's.
    std::optional<protocol::CompressionType> compression;
    int compression_level = protocol::default_compression_level;
    friend bool operator==(const TopicConfig&, const TopicConfig&) = default;
};

TopicConfig topic_config(const ConfigView&, std::string_view topic);

// INVALID_CONFIG for an unknown topic key or a wrong value; `value` none means "back to the default".
Result<void> check_topic_config(std::string_view name, const std::optional<std::string>& value);

}  // namespace ottla::broker
