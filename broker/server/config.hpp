// SPDX-License-Identifier: Apache-2.0
// BrokerConfig: server.properties and its overrides, checked against the table and turned into typed values. What
// only a topic reads stays in `values`; effective_config.hpp finds it there.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/groups/group_settings.hpp"
#include "broker/log/log_io.hpp"
#include "broker/server/config_table.hpp"
#include "broker/server/properties.hpp"

namespace ottla::broker {

// log.flush.policy: see broker/log/log_io.hpp.
using log::FlushPolicy;

struct ListenerConfig {
    std::string name;  // "PLAINTEXT", or what listener.security.protocol.map calls it
    std::string host;  // empty: all addresses
    std::uint16_t port = 0;
    std::int16_t security_protocol = 0;  // Kafka's number: PLAINTEXT 0
    friend bool operator==(const ListenerConfig&, const ListenerConfig&) = default;
};

struct BrokerConfig {
    // Everything that was set, as text.
    Properties values;

    std::int32_t node_id = 1;
    bool is_broker = true;
    bool is_controller = true;
    std::optional<std::string> rack;
    std::vector<ListenerConfig> listeners;   // where clients connect; the controller's are left out
    std::vector<ListenerConfig> advertised;  // empty: what `listeners` turn out to be
    std::vector<ListenerConfig> controller_listeners;
    std::vector<std::string> log_dirs;  // never empty
    std::string metadata_log_dir;       // where the metadata log is: one of those, or another

    std::int32_t num_partitions = 1;
    std::int16_t default_replication_factor = 1;
    bool auto_create_topics = true;
    bool delete_topic_enable = true;
    std::int32_t partitions_per_request_max = 2000;

    std::optional<std::int32_t> network_threads;  // none: the cores
    std::int32_t request_bytes_max = 104'857'600;
    std::int32_t fetch_bytes_max = 57'671'680;  // of one answer, but for a first batch that is larger
    std::int32_t fetch_session_slots = 1000;    // readers that fetch incrementally; others fetch in full
    std::int64_t connection_idle_ms_max = 600'000;
    std::int32_t listen_backlog = 50;
    std::int32_t request_timeout_ms = 30'000;
    FlushPolicy flush_policy = FlushPolicy::ack;

    std::int32_t recovery_threads = 2;  // that open logs side by side

    // How often the broker looks after its logs, ms.
    std::int64_t initial_task_delay_ms = 30'000;
    std::int64_t retention_check_interval_ms = 300'000;
    std::int64_t recovery_point_interval_ms = 60'000;
    std::int64_t start_offset_interval_ms = 60'000;
    std::int64_t high_watermark_interval_ms = 5'000;

    // Of each partition: who wrote nothing for so long is forgotten, looked for so often.
    std::int64_t producer_expiration_ms = 86'400'000;
    std::int64_t producer_expiration_check_ms = 600'000;
    std::int64_t segment_delete_delay_ms = 60'000;  // that the directory of a deleted partition stays

    // The metadata log: its segments, when snapshots are taken, how much of both is kept (negative: all).
    std::int32_t metadata_segment_bytes = 1 << 30;
    std::int64_t metadata_segment_ms = 604'800'000;
    std::int64_t metadata_snapshot_bytes = 20'971'520;
    std::int64_t metadata_snapshot_interval_ms = 3'600'000;
    std::int64_t metadata_retention_bytes = 104'857'600;
    std::int64_t metadata_retention_ms = 604'800'000;

    // __consumer_offsets, as it is made when the first group comes.
    std::int32_t offsets_topic_partitions = 50;
    std::int16_t offsets_topic_replication_factor = 3;
    std::int32_t offsets_topic_segment_bytes = 104'857'600;
    std::int32_t offsets_commit_timeout_ms = 5'000;
    groups::GroupSettings groups;

    bool cleaner_enabled = true;  // what else it is told: CleanerSettings in log_cleaner.hpp

    // Fails with INVALID_CONFIG on an unknown key (naming the nearest), a wrong type or range, or listeners that
    // do not fit each other.
    static Result<BrokerConfig> from(Properties);
    // The text of a server.properties file, then "k=v" overrides, the last one winning.
    static Result<BrokerConfig> parse(std::string_view text, std::span<const std::string> overrides);
};

// "PLAINTEXT://host:9092", "PLAINTEXT://:0", "PLAINTEXT://[::1]:9092"
Result<ListenerConfig> parse_listener(std::string_view);

}  // namespace ottla::broker
