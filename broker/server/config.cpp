// SPDX-License-Identifier: Apache-2.0
#include "broker/server/config.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>
#include <boost/algorithm/string/predicate.hpp>

#include "broker/groups/assignors/server_assignor.hpp"

namespace ottla::broker {
namespace {

Error invalid(std::string text) { return Error::of(ErrorCode::invalid_config, std::move(text)); }

// Reads values that the table has checked already; the default stands in for what is not set.
class Reading {
public:
    explicit Reading(const Properties& values) : values_(values) {}

    bool is_set(std::string_view name) const { return values_.find(name) != values_.end(); }
    std::string_view text(std::string_view name) const {
        if (const auto at = values_.find(name); at != values_.end()) return at->second;
        const auto* key = find_config_key(ConfigScope::broker, name);
        return key && key->default_value ? key->default_value : "";
    }
    template <class Number>
    Number number(std::string_view name) const {
        const auto s = text(name);
        Number n{};
        std::from_chars(s.data(), s.data() + s.size(), n);
        return n;
    }
    bool flag(std::string_view name) const { return text(name) == "true"; }
    std::vector<std::string> list(std::string_view name) const { return split_list(text(name)); }

private:
    const Properties& values_;
};

Result<void> check_names_and_values(const Properties& values) {
    for (const auto& [name, value] : values) {
        const auto* key = find_config_key(ConfigScope::broker, name);
        if (!key) return unknown_config_key(ConfigScope::broker, name);
        if ((key->flags & ConfigKey::dynamic_only) != 0) {
            return invalid(fmt::format("{} can only be set as a dynamic config", name));
        }
        if (auto right = check_config_value(*key, value); !right) return right;
    }
    return ok();
}

// The protocol behind a listener's name: the map, or the name itself. Only PLAINTEXT is served.
Result<std::int16_t> protocol_of(const Reading& reading, const std::string& listener) {
    std::string protocol = listener;
    for (const auto& pair : reading.list("listener.security.protocol.map")) {
        const auto colon = pair.find(':');
        if (colon == pair.npos)
            return invalid(fmt::format("listener.security.protocol.map: '{}' is not NAME:PROTOCOL", pair));
        if (pair.compare(0, colon, listener) == 0) protocol = pair.substr(colon + 1);
    }
    if (protocol == "PLAINTEXT" || listener == "CONTROLLER") return std::int16_t{0};
    return invalid(fmt::format("listener {} wants the protocol {}; this broker offers PLAINTEXT", listener, protocol));
}

Result<std::vector<ListenerConfig>> listeners_of(const Reading& reading, std::string_view key) {
    std::vector<ListenerConfig> all;
    for (const auto& item : reading.list(key)) {
        auto one = parse_listener(item);
        if (!one) return std::move(one).with_context(key).error();
        auto protocol = protocol_of(reading, one->name);
        if (!protocol) return protocol.error();
        one->security_protocol = *protocol;
        if (std::any_of(all.begin(), all.end(), [&](const auto& other) { return other.name == one->name; })) {
            return invalid(fmt::format("{}: two listeners are called {}", key, one->name));
        }
        all.push_back(std::move(*one));
    }
    return all;
}

Result<void> read_listeners(const Reading& reading, BrokerConfig& config) {
    auto all = listeners_of(reading, "listeners");
    if (!all) return all.error();
    auto advertised = listeners_of(reading, "advertised.listeners");
    if (!advertised) return advertised.error();
    const auto controllers = reading.list("controller.listener.names");
    for (auto& one : *all) {
        const bool is_controller = std::find(controllers.begin(), controllers.end(), one.name) != controllers.end();
        (is_controller ? config.controller_listeners : config.listeners).push_back(std::move(one));
    }
    for (auto& one : *advertised) {
        if (std::find(controllers.begin(), controllers.end(), one.name) != controllers.end()) continue;
        if (std::none_of(config.listeners.begin(), config.listeners.end(),
                         [&](auto& l) { return l.name == one.name; })) {
            return invalid(fmt::format("advertised.listeners names {}, listeners does not", one.name));
        }
        if (one.host.empty() || one.host == "0.0.0.0" || one.host == "::") {
            return invalid(fmt::format("advertised.listeners: {} needs a host that clients can reach", one.name));
        }
        config.advertised.push_back(std::move(one));
    }
    if (config.listeners.empty()) return invalid("listeners names no listener for clients");
    return ok();
}

// "/a/b" and "/a//b/" are one directory.
std::string tidy_path(const std::string& path) {
    std::string tidy = std::filesystem::path(path).lexically_normal().string();
    if (tidy.size() > 1 && tidy.ends_with('/')) tidy.pop_back();
    return tidy;
}

Result<void> read_log_dirs(const Reading& reading, BrokerConfig& config) {
    const std::string_view key = reading.is_set("log.dirs") ? "log.dirs" : "log.dir";
    for (const auto& path : reading.list(key)) {
        auto tidy = tidy_path(path);
        if (std::find(config.log_dirs.begin(), config.log_dirs.end(), tidy) != config.log_dirs.end())
            return invalid(fmt::format("{}: '{}' is named twice", key, path));
        config.log_dirs.push_back(std::move(tidy));
    }
    if (config.log_dirs.empty()) return invalid(fmt::format("{} names no directory", key));
    config.metadata_log_dir = reading.is_set("metadata.log.dir")
                                  ? tidy_path(std::string(reading.text("metadata.log.dir")))
                                  : config.log_dirs.front();
    if (config.metadata_log_dir.empty()) return invalid("metadata.log.dir names no directory");
    return ok();
}

Result<void> check_between(std::string_view key, std::int32_t value, std::int32_t min, std::int32_t max) {
    if (min <= value && value <= max) return ok();
    return invalid(
        fmt::format("{} is {}, and must be between its minimum {} and its maximum {}", key, value, min, max));
}

groups::MigrationPolicy migration_policy(std::string_view word) {
    if (boost::algorithm::iequals(word, "disabled")) return groups::MigrationPolicy::disabled;
    if (boost::algorithm::iequals(word, "downgrade")) return groups::MigrationPolicy::downgrade;
    if (boost::algorithm::iequals(word, "upgrade")) return groups::MigrationPolicy::upgrade;
    return groups::MigrationPolicy::bidirectional;
}

Result<void> read_consumer_groups(const Reading& reading, groups::ConsumerSettings& consumer) {
    const auto protocols = reading.list("group.coordinator.rebalance.protocols");
    consumer.is_enabled = std::find(protocols.begin(), protocols.end(), "consumer") != protocols.end();
    consumer.session_timeout_ms = reading.number<std::int32_t>("group.consumer.session.timeout.ms");
    consumer.min_session_timeout_ms = reading.number<std::int32_t>("group.consumer.min.session.timeout.ms");
    consumer.max_session_timeout_ms = reading.number<std::int32_t>("group.consumer.max.session.timeout.ms");
    consumer.heartbeat_interval_ms = reading.number<std::int32_t>("group.consumer.heartbeat.interval.ms");
    consumer.min_heartbeat_interval_ms = reading.number<std::int32_t>("group.consumer.min.heartbeat.interval.ms");
    consumer.max_heartbeat_interval_ms = reading.number<std::int32_t>("group.consumer.max.heartbeat.interval.ms");
    consumer.assignment_interval_ms = reading.number<std::int32_t>("group.consumer.assignment.interval.ms");
    consumer.min_assignment_interval_ms = reading.number<std::int32_t>("group.consumer.min.assignment.interval.ms");
    consumer.max_assignment_interval_ms = reading.number<std::int32_t>("group.consumer.max.assignment.interval.ms");
    consumer.rebalance_heartbeat_interval_ms =
        reading.number<std::int32_t>("group.consumer.rebalance.heartbeat.interval.ms");
    consumer.max_size = reading.number<std::int32_t>("group.consumer.max.size");
    consumer.regex_refresh_interval_ms = reading.number<std::int32_t>("group.consumer.regex.refresh.interval.ms");
    consumer.migration = migration_policy(reading.text("group.consumer.migration.policy"));
    consumer.assignors = reading.list("group.consumer.assignors");
    for (const auto& name : consumer.assignors) {
        if (!groups::find_server_assignor(name))
            return invalid(fmt::format("group.consumer.assignors: there is no '{}', but uniform and range", name));
    }
    if (auto right = check_between("group.consumer.session.timeout.ms", consumer.session_timeout_ms,
                                   consumer.min_session_timeout_ms, consumer.max_session_timeout_ms);
        !right)
        return right;
    if (auto right = check_between("group.consumer.heartbeat.interval.ms", consumer.heartbeat_interval_ms,
                                   consumer.min_heartbeat_interval_ms, consumer.max_heartbeat_interval_ms);
        !right)
        return right;
    if (auto right = check_between("group.consumer.assignment.interval.ms", consumer.assignment_interval_ms,
                                   consumer.min_assignment_interval_ms, consumer.max_assignment_interval_ms);
        !right)
        return right;
    if (consumer.heartbeat_interval_ms < consumer.session_timeout_ms) return ok();
    return invalid("group.consumer.heartbeat.interval.ms must be less than group.consumer.session.timeout.ms");
}

Result<void> read_groups(const Reading& reading, BrokerConfig& config) {
    config.offsets_topic_partitions = reading.number<std::int32_t>("offsets.topic.num.partitions");
    config.offsets_topic_replication_factor = reading.number<std::int16_t>("offsets.topic.replication.factor");
    config.offsets_topic_segment_bytes = reading.number<std::int32_t>("offsets.topic.segment.bytes");
    config.offsets_commit_timeout_ms = reading.number<std::int32_t>("offsets.commit.timeout.ms");
    groups::GroupSettings& groups = config.groups;
    groups.min_session_timeout_ms = reading.number<std::int32_t>("group.min.session.timeout.ms");
    groups.max_session_timeout_ms = reading.number<std::int32_t>("group.max.session.timeout.ms");
    groups.initial_rebalance_delay_ms = reading.number<std::int32_t>("group.initial.rebalance.delay.ms");
    groups.max_size = reading.number<std::int32_t>("group.max.size");
    groups.offset_metadata_bytes_max = reading.number<std::int32_t>("offset.metadata.max.bytes");
    groups.retention_ms = reading.number<std::int32_t>("offsets.retention.minutes") * std::int64_t{60'000};
    groups.retention_check_interval_ms = reading.number<std::int64_t>("offsets.retention.check.interval.ms");
    if (groups.min_session_timeout_ms < 0 || groups.min_session_timeout_ms > groups.max_session_timeout_ms)
        return invalid("group.min.session.timeout.ms must be between 0 and group.max.session.timeout.ms");
    if (groups.initial_rebalance_delay_ms < 0) return invalid("group.initial.rebalance.delay.ms must not be negative");
    if (groups.offset_metadata_bytes_max < 0) return invalid("offset.metadata.max.bytes must not be negative");
    return read_consumer_groups(reading, groups.consumer);
}

}  // namespace

Result<ListenerConfig> parse_listener(std::string_view text) {
    const auto wrong = [&] { return invalid(fmt::format("'{}' is not of the form NAME://host:port", text)); };
    const auto scheme = text.find("://");
    const auto colon = text.rfind(':');
    if (scheme == text.npos || scheme == 0 || colon == text.npos || colon < scheme + 3) return wrong();
    ListenerConfig listener;
    listener.name = text.substr(0, scheme);
    std::transform(listener.name.begin(), listener.name.end(), listener.name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    auto host = text.substr(scheme + 3, colon - scheme - 3);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    listener.host = host;
    const auto port = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), listener.port);
    if (error != std::errc{} || end != port.data() + port.size()) return wrong();
    return listener;
}

Result<BrokerConfig> BrokerConfig::from(Properties values) {
    if (auto right = check_names_and_values(values); !right) return right.error();
    BrokerConfig config;
    config.values = std::move(values);
    const Reading reading(config.values);

    config.node_id = reading.number<std::int32_t>(
        reading.is_set("node.id") || !reading.is_set("broker.id") ? "node.id" : "broker.id");
    const auto roles = reading.list("process.roles");
    config.is_broker = std::find(roles.begin(), roles.end(), "broker") != roles.end();
    config.is_controller = std::find(roles.begin(), roles.end(), "controller") != roles.end();
    if (!config.is_broker || !config.is_controller) {
        return invalid("process.roles: this broker runs as broker,controller; separate roles are not offered");
    }
    if (reading.is_set("broker.rack")) config.rack = reading.text("broker.rack");
    if (auto right = read_listeners(reading, config); !right) return right.error();

    if (auto right = read_log_dirs(reading, config); !right) return right.error();

    config.num_partitions = reading.number<std::int32_t>("num.partitions");
    config.default_replication_factor = reading.number<std::int16_t>("default.replication.factor");
    config.auto_create_topics = reading.flag("auto.create.topics.enable");
    config.delete_topic_enable = reading.flag("delete.topic.enable");
    config.partitions_per_request_max = reading.number<std::int32_t>("max.request.partition.size.limit");
    if (reading.is_set("num.network.threads"))
        config.network_threads = reading.number<std::int32_t>("num.network.threads");
    config.request_bytes_max = reading.number<std::int32_t>("socket.request.max.bytes");
    config.fetch_bytes_max = reading.number<std::int32_t>("fetch.max.bytes");
    config.fetch_session_slots = reading.number<std::int32_t>("max.incremental.fetch.session.cache.slots");
    config.connection_idle_ms_max = reading.number<std::int64_t>("connections.max.idle.ms");
    config.listen_backlog = reading.number<std::int32_t>("socket.listen.backlog.size");
    config.request_timeout_ms = reading.number<std::int32_t>("request.timeout.ms");
    config.flush_policy = reading.text("log.flush.policy") == "os" ? FlushPolicy::os : FlushPolicy::ack;
    config.recovery_threads = reading.number<std::int32_t>("num.recovery.threads.per.data.dir");
    config.initial_task_delay_ms = reading.number<std::int64_t>("log.initial.task.delay.ms");
    config.retention_check_interval_ms = reading.number<std::int64_t>("log.retention.check.interval.ms");
    config.recovery_point_interval_ms = reading.number<std::int64_t>("log.flush.offset.checkpoint.interval.ms");
    config.start_offset_interval_ms = reading.number<std::int64_t>("log.flush.start.offset.checkpoint.interval.ms");
    config.high_watermark_interval_ms = reading.number<std::int64_t>("replica.high.watermark.checkpoint.interval.ms");
    config.producer_expiration_ms = reading.number<std::int64_t>("producer.id.expiration.ms");
    config.producer_expiration_check_ms = reading.number<std::int64_t>("producer.id.expiration.check.interval.ms");
    config.segment_delete_delay_ms = reading.number<std::int64_t>("log.segment.delete.delay.ms");
    config.metadata_segment_bytes = reading.number<std::int32_t>(reading.is_set("internal.metadata.log.segment.bytes")
                                                                     ? "internal.metadata.log.segment.bytes"
                                                                     : "metadata.log.segment.bytes");
    config.metadata_segment_ms = reading.number<std::int64_t>("metadata.log.segment.ms");
    config.metadata_snapshot_bytes = reading.number<std::int64_t>("metadata.log.max.record.bytes.between.snapshots");
    config.metadata_snapshot_interval_ms = reading.number<std::int64_t>("metadata.log.max.snapshot.interval.ms");
    config.metadata_retention_bytes = reading.number<std::int64_t>("metadata.max.retention.bytes");
    config.metadata_retention_ms = reading.number<std::int64_t>("metadata.max.retention.ms");
    config.cleaner_enabled = reading.flag("log.cleaner.enable");
    if (auto right = read_groups(reading, config); !right) return right.error();
    return config;
}

Result<BrokerConfig> BrokerConfig::parse(std::string_view text, std::span<const std::string> overrides) {
    auto values = parse_properties(text);
    if (!values) return values.error();
    for (const auto& argument : overrides) {
        auto pair = parse_override(argument);
        if (!pair) return pair.error();
        values->insert_or_assign(std::move(pair->first), std::move(pair->second));
    }
    return from(std::move(*values));
}

}  // namespace ottla::broker
