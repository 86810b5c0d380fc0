// SPDX-License-Identifier: Apache-2.0
// Settings as the client's parts read them: typed, checked, with units. Made once, by create().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ottla/assignor.hpp>
#include <ottla/config.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "client/logs/debug_context.hpp"
#include "net/endpoint.hpp"

namespace ottla::client {

using std::chrono::milliseconds;

struct CommonConfig {
    std::string client_id;
    std::string client_rack;
    std::vector<net::Endpoint> bootstrap_servers;
    std::size_t receive_message_bytes_max;
    milliseconds metadata_max_age;
    // A refresh in haste is not sooner than this after the last one.
    milliseconds metadata_refresh_backoff;
    milliseconds metadata_propagation_max;
    milliseconds socket_timeout;
    milliseconds connection_setup_timeout;
    milliseconds api_version_timeout;
    milliseconds reconnect_backoff;
    milliseconds reconnect_backoff_max;
    milliseconds retry_backoff;
    milliseconds retry_backoff_max;
    milliseconds connections_idle_max;  // 0: they stay
    // Without metadata for so long, the client begins again from the bootstrap servers (KIP-1102); 0: never.
    milliseconds rebootstrap_after;
    bool rebootstraps;
    bool allow_auto_create_topics;
    int max_in_flight;
    milliseconds statistics_interval;  // 0: none
    base::LogLevel log_level;          // without the debug lines, which are a matter of `debug`
    DebugContexts debug;
    bool logs_are_events;
    bool logs_ends_of_connections;
};

enum class Acks : std::int16_t { all = -1, none = 0, leader = 1 };
enum class Compression : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
enum class Partitioner : std::uint8_t {
    consistent,
    consistent_random,
    murmur2,
    murmur2_random,
    fnv1a,
    fnv1a_random,
    random,
    round_robin,
};

struct ProducerConfig {
    CommonConfig common;
    Acks acks;
    base::Duration linger;
    std::size_t batch_bytes_max;
    std::int32_t batch_messages_max;
    std::size_t message_bytes_max;   // of one record, and of one request
    std::size_t queue_messages_max;  // 0: no limit
    std::size_t queue_bytes_max;
    std::int64_t retries;
    milliseconds request_timeout;
    milliseconds delivery_timeout;  // 0: none
    Compression compression;
    int compression_level;  // -1: the codec's default
    Partitioner partitioner;
    milliseconds sticky_linger;
    milliseconds topic_idle_max;  // one that nothing was written to for so long is forgotten
    bool idempotence;
    // Where other settings ended what is only the default: which; else empty.
    std::string no_idempotence_because;
};

enum class OffsetReset : std::uint8_t {
    earliest,
    latest,
    none,
    by_duration,  // where the records of that age begin (KIP-1106)
};
enum class IsolationLevel : std::int8_t { read_uncommitted = 0, read_committed = 1 };

enum class GroupProtocol : std::uint8_t { classic, consumer };

// What a consumer is in its group; without an id there is none.
struct GroupConfig {
    std::string id;
    std::optional<std::string> instance_id;
    GroupProtocol protocol;
    // Of the consumer protocol: one of the coordinator's; empty: it chooses.
    std::string remote_assignor;
    // Of the classic protocol.
    std::vector<std::string> assignors;  // by preference
    milliseconds session_timeout;
    milliseconds heartbeat_interval;
    // So long partitions that others wait for are kept at most, to commit what was done of them.
    milliseconds give_back_max;
    milliseconds max_poll_interval;
    milliseconds auto_commit_interval;
    bool auto_commit;
    bool auto_store;
    bool tells_commits = false;
    std::vector<std::shared_ptr<GroupAssignor>> own_assignors;  // of the application
};

struct ConsumerConfig {
    CommonConfig common;
    OffsetReset offset_reset;
    milliseconds offset_reset_age;  // of by_duration
    // Of these nothing may be passed over: `earliest`, whatever offset_reset says. No property sets them.
    std::set<std::string, std::less<>> whole_topics = {};
    IsolationLevel isolation_level;
    milliseconds fetch_wait_max;
    milliseconds fetch_error_backoff;
    std::int32_t fetch_bytes_min;
    std::int32_t fetch_bytes_max;
    std::int32_t partition_fetch_bytes_max;
    std::int64_t prefetch_bytes_max;
    bool partition_eof;
    bool check_crcs;
    GroupConfig group;
};

// Errors name the setting. What is accepted without effect is told to `log`, once for each.
Result<CommonConfig> common_config(const Config&);
Result<ProducerConfig> producer_config(const Config&);
// `own`: assignors of the application, beside ours.
Result<ConsumerConfig> consumer_config(const Config&, std::vector<std::shared_ptr<GroupAssignor>> own = {});
// A warning for each setting that was made and has no effect, also when it says what holds anyhow, or none for this
// kind of client ("P", "C", "*").
void log_settings_without_effect(const Config&, std::string_view client, const base::Log&);
// A debug line for each setting that was made, secrets as "[hidden]".
void log_settings(const Config&, const base::Log&);

}  // namespace ottla::client
