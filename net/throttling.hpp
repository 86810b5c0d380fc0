// SPDX-License-Identifier: Apache-2.0
// Throttling: which answers ask the client to send nothing more for a while over the connection they came by (KIP-219).
// Pure. Before those versions brokers keep the answer back themselves, and the time that they name has passed when it
// comes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include <ottla/protocol/api_key.hpp>
#include <ottla/protocol/reader.hpp>

namespace ottla::net {

struct ThrottledApi {
    protocol::ApiKey key;
    std::int16_t first_version;
};

// The time is what their answers begin with. In those of Produce and ApiVersions it comes later: who reads them says
// so.
inline constexpr ThrottledApi throttled_apis[] = {
    {protocol::ApiKey::fetch, 8},
    {protocol::ApiKey::list_offsets, 3},
    {protocol::ApiKey::metadata, 6},
    {protocol::ApiKey::offset_commit, 4},
    {protocol::ApiKey::offset_fetch, 4},
    {protocol::ApiKey::find_coordinator, 2},
    {protocol::ApiKey::join_group, 3},
    {protocol::ApiKey::heartbeat, 2},
    {protocol::ApiKey::leave_group, 2},
    {protocol::ApiKey::sync_group, 2},
    {protocol::ApiKey::describe_groups, 2},
    {protocol::ApiKey::list_groups, 2},
    {protocol::ApiKey::create_topics, 3},
    {protocol::ApiKey::delete_topics, 2},
    {protocol::ApiKey::delete_records, 1},
    {protocol::ApiKey::init_producer_id, 1},
    {protocol::ApiKey::add_partitions_to_txn, 1},
    {protocol::ApiKey::add_offsets_to_txn, 1},
    {protocol::ApiKey::end_txn, 1},
    {protocol::ApiKey::txn_offset_commit, 1},
    {protocol::ApiKey::describe_acls, 1},
    {protocol::ApiKey::create_acls, 1},
    {protocol::ApiKey::delete_acls, 1},
    {protocol::ApiKey::describe_configs, 2},
    {protocol::ApiKey::alter_configs, 1},
    {protocol::ApiKey::alter_replica_log_dirs, 1},
    {protocol::ApiKey::describe_log_dirs, 1},
    {protocol::ApiKey::create_partitions, 1},
    {protocol::ApiKey::delete_groups, 1},
    {protocol::ApiKey::elect_leaders, 0},
    {protocol::ApiKey::incremental_alter_configs, 0},
    {protocol::ApiKey::alter_partition_reassignments, 0},
    {protocol::ApiKey::list_partition_reassignments, 0},
    {protocol::ApiKey::describe_cluster, 0},
    {protocol::ApiKey::consumer_group_heartbeat, 0},
    {protocol::ApiKey::consumer_group_describe, 0},
};
inline constexpr std::int16_t first_throttled_produce = 6;
inline constexpr std::int16_t first_throttled_api_versions = 2;

// `body` without its header. Nothing: such an answer asks for none.
inline std::optional<std::chrono::milliseconds> throttle_in(protocol::ApiKey key, std::int16_t version,
                                                            const Bytes& body) {
    const auto* const row = std::ranges::find(throttled_apis, key, &ThrottledApi::key);
    if (row == std::end(throttled_apis) || version < row->first_version) return std::nullopt;
    protocol::Reader reader(body);
    const std::int32_t ms = reader.int32();
    if (reader.failed()) return std::nullopt;
    return std::chrono::milliseconds(std::max(ms, 0));
}

}  // namespace ottla::net
