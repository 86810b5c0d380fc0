// SPDX-License-Identifier: Apache-2.0
// What is set for a group of the consumer protocol by itself (resource type GROUP), within what the broker allows; else
// the broker's own settings.
#pragma once

#include <cstdint>
#include <string_view>

#include "broker/groups/group_settings.hpp"
#include "broker/metadata/image.hpp"

namespace ottla::broker::groups {

// consumer.session.timeout.ms
std::int32_t session_timeout_ms(const MetadataImage&, std::string_view group_id, const ConsumerSettings&);
// consumer.heartbeat.interval.ms
std::int32_t heartbeat_interval_ms(const MetadataImage&, std::string_view group_id, const ConsumerSettings&);
// consumer.assignment.interval.ms
std::int32_t assignment_interval_ms(const MetadataImage&, std::string_view group_id, const ConsumerSettings&);

}  // namespace ottla::broker::groups
