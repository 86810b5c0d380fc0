// SPDX-License-Identifier: Apache-2.0
#include "broker/server/image_changes.hpp"

#include <algorithm>

#include "broker/server/effective_config.hpp"

namespace ottla::broker {
namespace {

class Changes {
public:
    Changes(const MetadataImage& before, const MetadataImage& after, std::int32_t broker, const BrokerConfig& config)
        : before_(before),
          after_(after),
          broker_(broker),
          config_(config),
          broker_configs_changed_(differ(ConfigResourceType::broker, "") ||
                                  differ(ConfigResourceType::broker, std::to_string(broker))) {}

    std::vector<PartitionChange> take() {
        for (const auto& [name, topic] : before_.topics()) {
            if (!after_.topic(topic->id)) remove_all(*topic);
        }
        for (const auto& [name, topic] : after_.topics()) {
            const auto old = before_.topic(topic->id);
            const bool configs_changed = broker_configs_changed_ || differ(ConfigResourceType::topic, name);
            if (old != topic || configs_changed) compare(old.get(), *topic, configs_changed);
        }
        return std::move(changes_);
    }

private:
    // Images share what did not change, so the same address is the same content.
    bool differ(ConfigResourceType type, std::string_view name) const {
        return &before_.configs(type, name) != &after_.configs(type, name);
    }

    PartitionChange& add(PartitionChange::Kind kind, const TopicImage& topic, std::size_t number) {
        auto& change = changes_.emplace_back();
        change.kind = kind;
        change.key = {topic.id, static_cast<std::int32_t>(number)};
        change.topic = topic.name;
        return change;
    }

    void remove_all(const TopicImage& topic) {
        for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
            if (topic.partitions[p].has_replica(broker_)) add(PartitionChange::remove, topic, p);
        }
    }

    void compare(const TopicImage* old, const TopicImage& topic, bool configs_changed) {
        const auto settings = partition_settings(after_, config_, topic.name);
        for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
            const auto& now = topic.partitions[p];
            const auto* was = old ? old->partition(static_cast<std::int32_t>(p)) : nullptr;
            const bool was_here = was && was->has_replica(broker_);
            if (!now.has_replica(broker_)) {
                if (was_here) add(PartitionChange::remove, topic, p);
                continue;
            }
            const bool same_role = was_here && was->leader_epoch == now.leader_epoch && was->leader == now.leader;
            if (same_role && !configs_changed) continue;
            auto& change = add(was_here ? PartitionChange::change : PartitionChange::open, topic, p);
            change.settings = settings;
            change.leads = now.leader == broker_;
            change.leader_epoch = now.leader_epoch;
            change.directory = now.directory_of(broker_);
            change.is_new = !was && before_.offset() >= 0;
        }
    }

    const MetadataImage& before_;
    const MetadataImage& after_;
    std::int32_t broker_;
    const BrokerConfig& config_;
    bool broker_configs_changed_;
    std::vector<PartitionChange> changes_;
};

}  // namespace

PartitionSettings partition_settings(const MetadataImage& image, const BrokerConfig& config, const std::string& topic) {
    const auto values = topic_config(ConfigView{image, config.values, config.node_id}, topic);
    PartitionSettings settings;
    settings.max_message_bytes = static_cast<std::size_t>(values.max_message_bytes);
    settings.log_append_time = values.log_append_time;
    settings.compacted = values.is_compacted;
    settings.timestamp_before_max_ms = values.timestamp_before_max_ms;
    settings.timestamp_after_max_ms = values.timestamp_after_max_ms;
    settings.compression = values.compression;
    settings.compression_level = values.compression_level;
    settings.deleted = values.is_deleted;
    settings.retention_ms = values.retention_ms;
    settings.retention_bytes = values.retention_bytes;
    settings.file_delete_delay_ms = values.file_delete_delay_ms;
    settings.flush_messages = values.flush_messages;
    settings.flush_ms = values.flush_ms;
    settings.min_dirty_ratio = values.min_dirty_ratio;
    settings.delete_retention_ms = values.delete_retention_ms;
    settings.min_compaction_lag_ms = values.min_compaction_lag_ms;
    settings.max_compaction_lag_ms = values.max_compaction_lag_ms;
    settings.log.segment_bytes = static_cast<std::uint64_t>(values.segment_bytes);
    // A record that is never in a closed segment is never compacted.
    settings.log.segment_ms =
        values.is_compacted ? std::min(values.segment_ms, values.max_compaction_lag_ms) : values.segment_ms;
    settings.log.segment_jitter_ms = values.segment_jitter_ms;
    settings.log.preallocate = values.preallocate;
    settings.log.index_bytes_max = static_cast<std::uint32_t>(values.segment_index_bytes);
    settings.log.index_interval_bytes = static_cast<std::uint32_t>(values.index_interval_bytes);
    return settings;
}

std::vector<PartitionChange> partition_changes(const MetadataImage& before, const MetadataImage& after,
                                               std::int32_t broker, const BrokerConfig& config) {
    return Changes(before, after, broker, config).take();
}

}  // namespace ottla::broker
