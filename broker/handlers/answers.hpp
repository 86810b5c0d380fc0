// SPDX-License-Identifier: Apache-2.0
// What several handlers say alike: deadlines towards the controller, authorized operations, leaders and brokers as
// clients of one listener see them.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "broker/handlers/handler.hpp"
#include "broker/server/config.hpp"
#include "net/timers.hpp"

namespace ottla::broker {

// A request's own timeout, within the broker's.
base::TimePoint controller_deadline(const RequestContext&, std::int32_t timeout_ms);

// Kafka's bit fields: without an authorizer everything that the resource knows is allowed (KIP-430).
std::int32_t all_topic_operations() noexcept;
std::int32_t all_cluster_operations() noexcept;
std::int32_t all_group_operations() noexcept;

// LEADER_NOT_AVAILABLE when nobody that is up leads, LISTENER_NOT_FOUND when the leader has no such listener.
ErrorCode leader_error(const MetadataImage&, const PartitionImage&, std::string_view listener_name);
std::vector<std::int32_t> offline_replicas(const MetadataImage&, const PartitionImage&);

inline std::int16_t wire(ErrorCode code) noexcept { return static_cast<std::int16_t>(code); }

}  // namespace ottla::broker
