// SPDX-License-Identifier: Apache-2.0
// From what a request of the data plane names to the partition that answers: by the metadata the request came under,
// then by what the owning shard holds.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <ottla/error.hpp>
#include <ottla/uuid.hpp>
#include "broker/handlers/handler.hpp"
#include "broker/partitions/partition.hpp"

namespace ottla::broker {

// A partition as a request names it.
struct PartitionRef {
    MetadataImage::TopicPtr topic;  // null: unknown
    PartitionKey key;
    // unknown_topic_or_partition or unknown_topic_id when there is no such partition.
    ErrorCode error = ErrorCode::none;
};

// Topics come by name, or by id from some version on.
MetadataImage::TopicPtr find_topic(const MetadataImage&, std::string_view name, const Uuid& id, bool by_id);
PartitionRef refer(MetadataImage::TopicPtr topic, std::int32_t partition, bool by_id);

// On the owner's shard. not_leader_or_follower when the partition is not here, kafka_storage_error when its log
// directory has failed.
Result<std::shared_ptr<Partition>> find_partition(const Shard&, const PartitionRef&);
// The same for who must talk to the leader, in the epoch that it knows (-1: none).
Result<std::shared_ptr<Partition>> find_leader(const Shard&, const PartitionRef&, std::int32_t leader_epoch = -1);

// The code that goes on the wire: our own of storage become Kafka's.
ErrorCode wire_code(const Error&) noexcept;

// KIP-951: who leads now, when the answer is that we do not.
struct CurrentLeader {
    std::int32_t id = -1;
    std::int32_t epoch = -1;
};
inline bool tells_leader(ErrorCode code) noexcept {
    return code == ErrorCode::not_leader_or_follower || code == ErrorCode::fenced_leader_epoch;
}
CurrentLeader current_leader(const PartitionRef&) noexcept;

template <class PartitionAnswer>
void tell_leader(const PartitionRef& ref, PartitionAnswer& partition) {
    const CurrentLeader leader = current_leader(ref);
    if (leader.id < 0) return;
    partition.current_leader.leader_id = leader.id;
    partition.current_leader.leader_epoch = leader.epoch;
}

// Where the leader is to be found, into `response.node_endpoints`: not every version that names leaders has these.
template <class Response>
void tell_endpoint(const RequestContext& context, const PartitionRef& ref, Response& response) {
    const CurrentLeader leader = current_leader(ref);
    for (const auto& known : response.node_endpoints) {
        if (known.node_id == leader.id) return;
    }
    const BrokerImage* broker = context.image->broker(leader.id);
    const EndpointImage* endpoint = broker ? broker->endpoint(context.listener_name) : nullptr;
    if (!endpoint) return;
    auto& node = response.node_endpoints.emplace_back();
    node.node_id = leader.id;
    node.host = endpoint->host;
    node.port = endpoint->port;
    node.rack = broker->rack;
}

}  // namespace ottla::broker
