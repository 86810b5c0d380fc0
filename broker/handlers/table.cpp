// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/table.hpp"

#include <algorithm>

#include "broker/handlers/api_versions.hpp"
#include "broker/handlers/consumer_group_describe.hpp"
#include "broker/handlers/consumer_group_heartbeat.hpp"
#include "broker/handlers/create_partitions.hpp"
#include "broker/handlers/create_topics.hpp"
#include "broker/handlers/delete_groups.hpp"
#include "broker/handlers/delete_records.hpp"
#include "broker/handlers/delete_topics.hpp"
#include "broker/handlers/describe_cluster.hpp"
#include "broker/handlers/describe_configs.hpp"
#include "broker/handlers/describe_groups.hpp"
#include "broker/handlers/describe_log_dirs.hpp"
#include "broker/handlers/describe_producers.hpp"
#include "broker/handlers/describe_topic_partitions.hpp"
#include "broker/handlers/fetch.hpp"
#include "broker/handlers/find_coordinator.hpp"
#include "broker/handlers/heartbeat.hpp"
#include "broker/handlers/incremental_alter_configs.hpp"
#include "broker/handlers/init_producer_id.hpp"
#include "broker/handlers/join_group.hpp"
#include "broker/handlers/leave_group.hpp"
#include "broker/handlers/list_groups.hpp"
#include "broker/handlers/list_offsets.hpp"
#include "broker/handlers/metadata.hpp"
#include "broker/handlers/offset_commit.hpp"
#include "broker/handlers/offset_delete.hpp"
#include "broker/handlers/offset_fetch.hpp"
#include "broker/handlers/offset_for_leader_epoch.hpp"
#include "broker/handlers/produce.hpp"
#include "broker/handlers/serve.hpp"
#include "broker/handlers/sync_group.hpp"

namespace ottla::broker {
namespace {

template <class Handler>
constexpr std::int16_t served_from() {
    if constexpr (requires { Handler::served_from; }) {
        return Handler::served_from;
    } else {
        return Handler::versions.min;
    }
}

template <class Handler>
constexpr ApiRow row() {
    constexpr protocol::VersionRange served{served_from<Handler>(), Handler::versions.max};
    static_assert(Handler::Request::versions.contains(served), "the spec has no such version");
    return {static_cast<protocol::ApiKey>(Handler::Request::api_key), Handler::versions, served.min, &serve<Handler>};
}

// By their keys, a line each.
// clang-format off
constexpr ApiRow table[] = {
    row<ProduceHandler>(),
    row<FetchHandler>(),
    row<ListOffsetsHandler>(),
    row<MetadataHandler>(),
    row<OffsetCommitHandler>(),
    row<OffsetFetchHandler>(),
    row<FindCoordinatorHandler>(),
    row<JoinGroupHandler>(),
    row<HeartbeatHandler>(),
    row<LeaveGroupHandler>(),
    row<SyncGroupHandler>(),
    row<DescribeGroupsHandler>(),
    row<ListGroupsHandler>(),
    row<ApiVersionsHandler>(),
    row<CreateTopicsHandler>(),
    row<DeleteTopicsHandler>(),
    row<DeleteRecordsHandler>(),
    row<InitProducerIdHandler>(),
    row<OffsetForLeaderEpochHandler>(),
    row<DescribeConfigsHandler>(),
    row<DescribeLogDirsHandler>(),
    row<CreatePartitionsHandler>(),
    row<DeleteGroupsHandler>(),
    row<IncrementalAlterConfigsHandler>(),
    row<OffsetDeleteHandler>(),
    row<DescribeClusterHandler>(),
    row<DescribeProducersHandler>(),
    row<ConsumerGroupHeartbeatHandler>(),
    row<ConsumerGroupDescribeHandler>(),
    row<DescribeTopicPartitionsHandler>(),
};
// clang-format on
static_assert(std::is_sorted(std::begin(table), std::end(table), [](auto& a, auto& b) { return a.key < b.key; }));

}  // namespace

std::span<const ApiRow> api_table() noexcept { return table; }

const ApiRow* find_api(protocol::ApiKey key) noexcept {
    const auto at =
        std::lower_bound(std::begin(table), std::end(table), key, [](auto& row, auto k) { return row.key < k; });
    return at != std::end(table) && at->key == key ? &*at : nullptr;
}

}  // namespace ottla::broker
