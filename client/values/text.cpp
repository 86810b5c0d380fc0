// SPDX-License-Identifier: Apache-2.0
// to_string of the value types: one line each, safe to log.
#include <fmt/format.h>
#include <ottla/admin.hpp>
#include <ottla/config.hpp>
#include <ottla/consumer.hpp>
#include <ottla/event.hpp>
#include <ottla/metadata.hpp>
#include <ottla/producer.hpp>
#include <ottla/record.hpp>

namespace ottla::inline v0 {
namespace {

constexpr std::size_t shown_max = 64;

std::string shown(BytesView bytes) {
    if (bytes.is_null()) return "null";
    std::string out;
    for (const std::uint8_t byte : bytes.span().first(std::min(bytes.size(), shown_max))) {
        if (byte >= 0x20 && byte < 0x7f && byte != '\\')
            out += static_cast<char>(byte);
        else
            fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    }
    if (bytes.size() > shown_max) fmt::format_to(std::back_inserter(out), "... ({} bytes)", bytes.size());
    return out;
}

template <class Range>
std::string joined(const Range& items) {
    return fmt::format("{}", fmt::join(items, ","));
}

std::string listed(const std::vector<TopicPartition>& partitions) {
    std::string out;
    for (const auto& tp : partitions)
        fmt::format_to(std::back_inserter(out), "{}{}[{}]", out.empty() ? "" : ", ", tp.topic, tp.partition);
    return out.empty() ? "nothing" : out;
}

}  // namespace

std::string to_string(const TopicPartition& tp) {
    std::string out = fmt::format("{}[{}]", tp.topic, tp.partition);
    if (tp.offset != Offset::invalid()) out += "@" + to_string(tp.offset);
    if (tp.error.code() != ErrorCode::none) out += ": " + to_string(tp.error);
    return out;
}

std::string to_string(const Header& header) { return fmt::format("{}={}", header.name, shown(header.value)); }

std::string_view to_string(DeliveryStatus status) noexcept {
    switch (status) {
        case DeliveryStatus::not_persisted: return "not persisted";
        case DeliveryStatus::possibly_persisted: return "possibly persisted";
        case DeliveryStatus::persisted: return "persisted";
    }
    return "unknown";
}

std::string to_string(const DeliveryReport& report) {
    std::string out = fmt::format("{}[{}]", report.topic(), report.partition);
    if (report.offset != Offset::invalid()) out += "@" + to_string(report.offset);
    fmt::format_to(std::back_inserter(out), " {}", to_string(report.status));
    if (!report) out += ": " + to_string(report.error);
    return out;
}

std::string to_string(const Record& record) {
    std::string out(record.topic);
    if (record.partition != any_partition) fmt::format_to(std::back_inserter(out), "[{}]", record.partition);
    return fmt::format("{} key={} value={}", out, shown(record.key), shown(record.value));
}

std::string_view to_string(PurgeWhat what) noexcept {
    switch (what) {
        case PurgeWhat::queued: return "queued";
        case PurgeWhat::in_flight: return "in flight";
        case PurgeWhat::all: return "all";
    }
    return "unknown";
}

std::string_view to_string(TimestampType type) noexcept {
    return type == TimestampType::create_time ? "CreateTime" : "LogAppendTime";
}

std::string to_string(const MessageView& m) {
    return fmt::format("@{} key={} value={}", m.offset(), shown(m.key()), shown(m.value()));
}

std::string to_string(const Message& m) {
    return fmt::format("{}[{}]{}", m.topic(), m.partition(), to_string(static_cast<const MessageView&>(m)));
}

std::string to_string(const MessageBatch& batch) {
    if (batch.empty()) return "no messages";
    return fmt::format("{}[{}], {} messages from {}", batch.topic(), batch.partition(), batch.size(),
                       batch[0].offset());
}

std::string to_string(const WatermarkOffsets& at) {
    return fmt::format("{}..{}", to_string(at.low), to_string(at.high));
}

std::string to_string(const PartitionEof& eof) {
    return fmt::format("end of {}[{}] at {}", eof.topic, eof.partition, to_string(eof.offset));
}

std::string to_string(const PartitionError& e) {
    return fmt::format("{}[{}]@{}: {}", e.topic, e.partition, to_string(e.offset), to_string(e.error));
}

std::string to_string(const Statistics& statistics) { return "statistics: " + statistics.json; }

std::string_view to_string(LogLevel level) noexcept {
    switch (level) {
        case LogLevel::error: return "error";
        case LogLevel::warning: return "warning";
        case LogLevel::info: return "info";
        case LogLevel::debug: break;
    }
    return "debug";
}

std::string_view to_string(ConnectionEvent::Stage stage) noexcept {
    using enum ConnectionEvent::Stage;
    switch (stage) {
        case connecting: return "connecting";
        case connected: return "connected";
        case closed: break;
    }
    return "closed";
}

std::string_view to_string(RequestEvent::Stage stage) noexcept {
    using enum RequestEvent::Stage;
    switch (stage) {
        case sent: return "sent";
        case answered: return "answered";
        case failed: return "failed";
        case throttled: break;
    }
    return "throttled";
}

std::string_view to_string(BatchEvent::Stage stage) noexcept {
    using enum BatchEvent::Stage;
    switch (stage) {
        case sent: return "sent";
        case acknowledged: return "acknowledged";
        case failed: return "failed";
        case fetched: break;
    }
    return "fetched";
}

std::string to_string(const LogEvent& line) {
    return fmt::format("{} {} [{}]: {}", to_string(line.level), line.client, line.context, line.text);
}

std::string to_string(const AssignedPartitions& event) { return fmt::format("assigned {}", listed(event.partitions)); }

std::string to_string(const RevokedPartitions& event) {
    return fmt::format("{} {}", event.lost ? "lost" : "revoked", listed(event.partitions));
}

std::string to_string(const OffsetsCommitted& event) {
    std::string out;
    for (const auto& tp : event.offsets) out += (out.empty() ? "" : ", ") + to_string(tp);
    if (event.error.code() == ErrorCode::none) return "committed " + out;
    return fmt::format("not committed {}: {}", out, to_string(event.error));
}

std::string to_string(const Event& event) {
    return std::visit([](const auto& e) { return to_string(e); }, event);
}

const TopicMetadata* Metadata::topic(std::string_view name) const noexcept {
    for (const auto& t : topics)
        if (t.name == name) return &t;
    return nullptr;
}

std::string to_string(const Node& node) {
    return fmt::format("{} at {}:{}{}", node.id, node.host, node.port,
                       node.rack ? fmt::format(" (rack {})", *node.rack) : std::string());
}

std::string to_string(const PartitionMetadata& p) {
    std::string out = fmt::format("partition {}, leader {}, replicas {}, in sync {}", p.id, p.leader,
                                  joined(p.replicas), joined(p.in_sync_replicas));
    if (p.error.code() != ErrorCode::none) out += ": " + to_string(p.error);
    return out;
}

std::string to_string(const TopicMetadata& t) {
    if (t.error.code() != ErrorCode::none) return fmt::format("topic {}: {}", t.name, to_string(t.error));
    return fmt::format("topic {}, {} partitions, id {}", t.name, t.partitions.size(), to_string(t.id));
}

std::string to_string(const Metadata& m) {
    return fmt::format("cluster {}, {} brokers, {} topics", m.cluster_id, m.brokers.size(), m.topics.size());
}

std::string to_string(const NewTopic& topic) {
    const auto count = [](int n) { return n < 0 ? std::string("default") : std::to_string(n); };
    std::string out = fmt::format("topic {}, ", topic.name);
    if (topic.replica_assignment.empty())
        out += fmt::format("{} partitions, {} replicas", count(topic.partition_count), count(topic.replication_factor));
    else
        out += fmt::format("{} partitions as assigned", topic.replica_assignment.size());
    if (!topic.configs.empty()) out += fmt::format(", {} configs", topic.configs.size());
    return out;
}

std::string to_string(const NewPartitions& more) {
    return fmt::format("topic {}, {} partitions in all{}", more.name, more.total_count,
                       more.replica_assignment.empty() ? "" : " as assigned");
}

std::string to_string(const TopicResult& result) {
    if (result.error.code() != ErrorCode::none)
        return fmt::format("topic {}: {}", result.name, to_string(result.error));
    if (result.partition_count < 0) return fmt::format("topic {}", result.name);
    return fmt::format("topic {}, {} partitions, {} replicas, id {}", result.name, result.partition_count,
                       result.replication_factor, to_string(result.id));
}

std::string to_string(const TopicListing& topic) {
    return fmt::format("topic {}, id {}{}", topic.name, to_string(topic.id), topic.is_internal ? ", internal" : "");
}

std::string to_string(const ClusterDescription& cluster) {
    return fmt::format("cluster {}, {} brokers, controller {}", cluster.cluster_id, cluster.nodes.size(),
                       cluster.controller_id);
}

std::string to_string(const ConfigResource& resource) {
    return fmt::format("{} {}, {}", to_string(resource.type), resource.name,
                       resource.keys.empty() ? "all configs" : joined(resource.keys));
}

std::string to_string(const ConfigAlteration& change) {
    return fmt::format("{} {}", to_string(change.operation), change.name);
}

std::string to_string(const ResourceAlterations& changes) {
    std::string out = fmt::format("{} {}:", to_string(changes.type), changes.name);
    for (const auto& change : changes.alterations)
        out += (&change == &changes.alterations.front() ? " " : ", ") + to_string(change);
    return out;
}

std::string_view to_string(ConfigProperty::State state) noexcept {
    switch (state) {
        case ConfigProperty::State::implemented: return "implemented";
        case ConfigProperty::State::accepted: return "accepted";
        case ConfigProperty::State::refused: return "refused";
    }
    return "unknown";
}

std::string to_string(const ConfigProperty& property) {
    std::string out = fmt::format("{} ({}, {}", property.name, property.clients, property.type);
    if (!property.range.empty()) fmt::format_to(std::back_inserter(out), " {}", property.range);
    if (!property.default_value.empty())
        fmt::format_to(std::back_inserter(out), ", default {}", property.default_value);
    fmt::format_to(std::back_inserter(out), "): {}", to_string(property.state));
    if (!property.alias_of.empty()) fmt::format_to(std::back_inserter(out), ", for {}", property.alias_of);
    return out;
}

std::string to_string(const ConfigEntry& entry) {
    const std::string value = entry.is_sensitive ? "(hidden)" : entry.value.value_or("(unset)");
    return fmt::format("{}={} ({})", entry.name, value, to_string(entry.source));
}

std::string to_string(const ConfigResult& result) {
    const std::string about = fmt::format("{} {}", to_string(result.type), result.name);
    if (result.error.code() != ErrorCode::none) return fmt::format("{}: {}", about, to_string(result.error));
    return fmt::format("{}, {} configs", about, result.entries.size());
}

std::string to_string(const ListedOffset& at) {
    return to_string(at.partition) + (at.timestamp_ms < 0 ? "" : fmt::format(" timestamp {}", at.timestamp_ms));
}

std::string to_string(const ReplicaOnDisk& replica) {
    return fmt::format("{}[{}] {} bytes, {} behind{}", replica.topic, replica.partition, replica.bytes,
                       replica.offset_lag, replica.is_future ? ", future" : "");
}

std::string to_string(const LogDirDescription& directory) {
    if (directory.error.code() != ErrorCode::none)
        return fmt::format("{}: {}", directory.path, to_string(directory.error));
    return fmt::format("{}, {} partitions", directory.path, directory.replicas.size());
}

std::string to_string(const BrokerLogDirs& broker) {
    if (broker.error.code() != ErrorCode::none)
        return fmt::format("broker {}: {}", broker.broker, to_string(broker.error));
    return fmt::format("broker {}, {} directories", broker.broker, broker.directories.size());
}

std::string_view to_string(ResourceType type) noexcept {
    switch (type) {
        case ResourceType::topic: return "topic";
        case ResourceType::group: return "group";
        case ResourceType::broker: return "broker";
        case ResourceType::broker_logger: return "broker_logger";
        case ResourceType::client_metrics: return "client_metrics";
        case ResourceType::unknown: break;
    }
    return "unknown";
}

Result<ResourceType> parse_resource_type(std::string_view text) {
    for (const auto type : {ResourceType::topic, ResourceType::group, ResourceType::broker, ResourceType::broker_logger,
                            ResourceType::client_metrics})
        if (to_string(type) == text) return type;
    return Error::of(
        ErrorCode::invalid_argument,
        fmt::format("'{}' is no resource type: topic, group, broker, broker_logger, client_metrics", text));
}

std::string_view to_string(ConfigSource source) noexcept {
    switch (source) {
        case ConfigSource::dynamic_topic: return "dynamic_topic";
        case ConfigSource::dynamic_broker: return "dynamic_broker";
        case ConfigSource::dynamic_default_broker: return "dynamic_default_broker";
        case ConfigSource::static_broker: return "static_broker";
        case ConfigSource::default_value: return "default";
        case ConfigSource::dynamic_broker_logger: return "dynamic_broker_logger";
        case ConfigSource::client_metrics: return "client_metrics";
        case ConfigSource::group: return "group";
        case ConfigSource::unknown: break;
    }
    return "unknown";
}

std::string_view to_string(AlterOperation operation) noexcept {
    switch (operation) {
        case AlterOperation::set: return "set";
        case AlterOperation::remove: return "delete";
        case AlterOperation::append: return "append";
        case AlterOperation::subtract: return "subtract";
    }
    return "unknown";
}

}  // namespace ottla::inline v0
