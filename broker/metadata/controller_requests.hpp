// SPDX-License-Identifier: Apache-2.0
// What can be asked of the controller, and what it answers. Kafka's own messages where they exist; ours for what
// an embedded cluster does to its brokers.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <ottla/error.hpp>
#include <ottla/protocol/messages/allocate_producer_ids_request.hpp>
#include <ottla/protocol/messages/allocate_producer_ids_response.hpp>
#include <ottla/protocol/messages/assign_replicas_to_dirs_request.hpp>
#include <ottla/protocol/messages/assign_replicas_to_dirs_response.hpp>
#include <ottla/protocol/messages/broker_registration_request.hpp>
#include <ottla/protocol/messages/broker_registration_response.hpp>
#include <ottla/protocol/messages/create_partitions_request.hpp>
#include <ottla/protocol/messages/create_partitions_response.hpp>
#include <ottla/protocol/messages/create_topics_request.hpp>
#include <ottla/protocol/messages/create_topics_response.hpp>
#include <ottla/protocol/messages/delete_topics_request.hpp>
#include <ottla/protocol/messages/delete_topics_response.hpp>
#include <ottla/protocol/messages/incremental_alter_configs_request.hpp>
#include <ottla/protocol/messages/incremental_alter_configs_response.hpp>
#include <ottla/uuid.hpp>

namespace ottla::broker {

// A broker comes up (may lead) or goes down: what the heartbeats of a remote broker amount to.
struct SetBrokerStateRequest {
    struct Response {
        ErrorCode error = ErrorCode::none;
    };
    std::int32_t broker_id = -1;
    bool up = false;
    bool controlled = true;  // down by its own will
};

// Log directories of a broker have failed: what OfflineLogDirs in a heartbeat of a remote broker says.
struct DirectoriesOfflineRequest {
    struct Response {
        ErrorCode error = ErrorCode::none;
    };
    std::int32_t broker_id = -1;
    std::int64_t broker_epoch = -1;
    std::vector<Uuid> directories;
};

// Another broker takes a partition over, replica and leadership.
struct MoveLeaderRequest {
    struct Response {
        ErrorCode error = ErrorCode::none;
        std::string text;
    };
    std::string topic;
    std::int32_t partition = 0;
    std::int32_t broker_id = -1;
    Uuid directory;  // of the new replica
};

using ControllerRequest =
    std::variant<protocol::CreateTopicsRequest, protocol::DeleteTopicsRequest, protocol::CreatePartitionsRequest,
                 protocol::IncrementalAlterConfigsRequest, protocol::AllocateProducerIdsRequest,
                 protocol::BrokerRegistrationRequest, protocol::AssignReplicasToDirsRequest, SetBrokerStateRequest,
                 DirectoriesOfflineRequest, MoveLeaderRequest>;
using ControllerReply =
    std::variant<protocol::CreateTopicsResponse, protocol::DeleteTopicsResponse, protocol::CreatePartitionsResponse,
                 protocol::IncrementalAlterConfigsResponse, protocol::AllocateProducerIdsResponse,
                 protocol::BrokerRegistrationResponse, protocol::AssignReplicasToDirsResponse,
                 SetBrokerStateRequest::Response, DirectoriesOfflineRequest::Response, MoveLeaderRequest::Response>;

}  // namespace ottla::broker
