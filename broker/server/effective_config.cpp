// SPDX-License-Identifier: Apache-2.0
#include "broker/server/effective_config.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace ottla::broker {
namespace {

std::optional<std::string> find(const ConfigValues& values, std::string_view name) {
    const auto at = values.find(name);
    return at == values.end() ? std::nullopt : std::optional(at->second);
}

// The broker's own levels of one key, strongest first; the default is not among them.
void add_broker_levels(std::string_view name, const ConfigView& view, std::string_view broker,
                       std::vector<ConfigSynonym>& out) {
    const bool is_default = broker.empty();
    if (!is_default) {
        if (auto v = find(view.image.configs(ConfigResourceType::broker, broker), name)) {
            out.push_back({name, std::move(v), ConfigSource::dynamic_broker});
        }
    }
    if (auto v = find(view.image.configs(ConfigResourceType::broker, ""), name)) {
        out.push_back({name, std::move(v), ConfigSource::dynamic_default_broker});
    }
    if (is_default) return;
    if (const auto at = view.static_values.find(name); at != view.static_values.end()) {
        out.push_back({name, at->second, ConfigSource::static_broker});
    }
}

std::optional<std::string> default_of(const ConfigKey& key) {
    return key.default_value ? std::optional<std::string>(key.default_value) : std::nullopt;
}

EffectiveConfig head_of(std::vector<ConfigSynonym> chain) {
    EffectiveConfig effective;
    if (!chain.empty()) {
        effective.value = chain.front().value;
        effective.source = chain.front().source;
    }
    effective.synonyms = std::move(chain);
    return effective;
}

// log.retention.hours stands behind retention.ms: the value changes its unit with the name.
std::string in_unit_of(std::string_view topic_key, std::string_view broker_key, std::string value) {
    if (!topic_key.ends_with(".ms") || broker_key.ends_with(".ms")) return value;
    const std::int64_t factor = broker_key.ends_with(".hours")     ? 3'600'000
                                : broker_key.ends_with(".minutes") ? 60'000
                                                                   : 1;
    std::int64_t n = 0;
    std::from_chars(value.data(), value.data() + value.size(), n);
    return std::to_string(n < 0 ? n : n * factor);
}

std::vector<std::string_view> names_in(std::string_view synonyms) {
    std::vector<std::string_view> names;
    while (!synonyms.empty()) {
        const auto blank = synonyms.find(' ');
        names.push_back(synonyms.substr(0, blank));
        synonyms = blank == synonyms.npos ? std::string_view{} : synonyms.substr(blank + 1);
    }
    return names;
}

// Kafka's levels in the words of our Compressor. To Kafka, lz4's default of 9 stands for its fast mode, and above 12
// nothing gets denser. zstd's -1, our word for the default, has a neighbour that is as fast.
int compressor_level(protocol::CompressionType type, int level) {
    if (type == protocol::CompressionType::lz4)
        return level == 9 ? protocol::default_compression_level : std::min(level, 12);
    if (type == protocol::CompressionType::zstd && level == -1) return -2;
    return level;
}

class TopicReading {
public:
    TopicReading(const ConfigView& view, std::string_view topic) : view_(view), topic_(topic) {}

    std::string text(std::string_view name) const {
        const auto* key = find_config_key(ConfigScope::topic, name);
        return effective_topic_config(*key, view_, topic_).value.value_or("");
    }
    template <class Number>
    void number(std::string_view name, Number& out) const {
        const auto s = text(name);
        std::from_chars(s.data(), s.data() + s.size(), out);
    }

    void compression(TopicConfig& config) const {
        const auto name = text("compression.type");
        if (name == "producer") return;
        using enum protocol::CompressionType;
        const auto type = name == "uncompressed" ? none : protocol::parse_compression_type(name);
        config.compression = type;
        if (type == none || type == snappy || !type) return;
        int level = protocol::default_compression_level;
        number(fmt::format("compression.{}.level", name), level);
        config.compression_level = compressor_level(*type, level);
    }

private:
    const ConfigView& view_;
    std::string_view topic_;
};

}  // namespace

EffectiveConfig effective_topic_config(const ConfigKey& key, const ConfigView& view, std::string_view topic) {
    std::vector<ConfigSynonym> chain;
    if (auto v = find(view.image.configs(ConfigResourceType::topic, topic), key.name)) {
        chain.push_back({key.name, std::move(v), ConfigSource::dynamic_topic});
    }
    const auto own = std::to_string(view.node_id);
    const auto behind = names_in(key.synonyms);
    for (const auto name : behind) add_broker_levels(name, view, own, chain);
    auto effective = head_of(std::move(chain));
    if (!effective.synonyms.empty()) {
        effective.value = in_unit_of(key.name, effective.synonyms.front().name, *effective.value);
    } else {
        effective.value = default_of(key);
    }
    // The last link is the default of the key that stands last behind the topic's, as Kafka shows it.
    for (auto name = behind.rbegin(); name != behind.rend(); ++name) {
        const auto* last = find_config_key(ConfigScope::broker, *name);
        if (!last || !last->default_value) continue;
        effective.synonyms.push_back({last->name, default_of(*last), ConfigSource::default_value});
        break;
    }
    return effective;
}

EffectiveConfig effective_broker_config(const ConfigKey& key, const ConfigView& view, std::string_view broker) {
    std::vector<ConfigSynonym> chain;
    add_broker_levels(key.name, view, broker, chain);
    if (key.default_value && !broker.empty()) {
        chain.push_back({key.name, default_of(key), ConfigSource::default_value});
    }
    return head_of(std::move(chain));
}

EffectiveConfig effective_group_config(const ConfigKey& key, const ConfigView& view, std::string_view group) {
    std::vector<ConfigSynonym> chain;
    if (auto value = find(view.image.configs(ConfigResourceType::group, group), key.name))
        chain.push_back({key.name, std::move(value), ConfigSource::dynamic_group});
    auto otherwise = default_of(key);
    if (const auto at = view.static_values.find(key.synonyms); at != view.static_values.end()) otherwise = at->second;
    if (otherwise) chain.push_back({key.name, std::move(otherwise), ConfigSource::default_value});
    return head_of(std::move(chain));
}

TopicConfig topic_config(const ConfigView& view, std::string_view topic) {
    const TopicReading reading(view, topic);
    TopicConfig config;
    reading.number("max.message.bytes", config.max_message_bytes);
    reading.number("segment.bytes", config.segment_bytes);
    reading.number("internal.segment.bytes", config.segment_bytes);
    reading.number("segment.ms", config.segment_ms);
    reading.number("segment.jitter.ms", config.segment_jitter_ms);
    reading.number("segment.index.bytes", config.segment_index_bytes);
    reading.number("index.interval.bytes", config.index_interval_bytes);
    reading.number("min.insync.replicas", config.min_insync_replicas);
    reading.number("message.timestamp.before.max.ms", config.timestamp_before_max_ms);
    reading.number("message.timestamp.after.max.ms", config.timestamp_after_max_ms);
    config.preallocate = reading.text("preallocate") == "true";
    config.log_append_time = reading.text("message.timestamp.type") == "LogAppendTime";
    const auto policies = split_list(reading.text("cleanup.policy"));
    config.is_compacted = std::find(policies.begin(), policies.end(), "compact") != policies.end();
    config.is_deleted = std::find(policies.begin(), policies.end(), "delete") != policies.end();
    reading.number("retention.ms", config.retention_ms);
    reading.number("retention.bytes", config.retention_bytes);
    reading.number("file.delete.delay.ms", config.file_delete_delay_ms);
    reading.number("flush.messages", config.flush_messages);
    reading.number("flush.ms", config.flush_ms);
    reading.number("min.cleanable.dirty.ratio", config.min_dirty_ratio);
    reading.number("delete.retention.ms", config.delete_retention_ms);
    reading.number("min.compaction.lag.ms", config.min_compaction_lag_ms);
    reading.number("max.compaction.lag.ms", config.max_compaction_lag_ms);
    reading.compression(config);
    return config;
}

Result<void> check_topic_config(std::string_view name, const std::optional<std::string>& value) {
    const auto* key = find_config_key(ConfigScope::topic, name);
    if (!key) return unknown_config_key(ConfigScope::topic, name);
    if (!value) return ok();
    return check_config_value(*key, *value);
}

}  // namespace ottla::broker
