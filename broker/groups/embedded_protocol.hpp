// SPDX-License-Identifier: Apache-2.0
// What consumers of the classic protocol hand each other through the coordinator: subscriptions and assignments, in
// bytes that begin with their version. Newer versions are read as the latest that we know; what they add stands behind.
#pragma once

#include <cstdint>
#include <optional>

#include <ottla/bytes.hpp>
#include <ottla/protocol/messages/consumer_protocol_assignment.hpp>
#include <ottla/protocol/messages/consumer_protocol_subscription.hpp>
#include "broker/groups/consumer_member.hpp"
#include "broker/metadata/image.hpp"

namespace ottla::broker::groups {

// Nothing when it is something else.
std::optional<protocol::ConsumerProtocolSubscription> subscription_in(ByteSpan);
std::optional<protocol::ConsumerProtocolAssignment> assignment_in(ByteSpan);
// Of topics that are there, by their names and back.
protocol::ConsumerProtocolAssignment assignment_of(const OwnedPartitions&, const MetadataImage&);
protocol::ConsumerProtocolAssignment assignment_of(const TopicPartitions&, const MetadataImage&);
TopicPartitions partitions_in(const protocol::ConsumerProtocolAssignment&, const MetadataImage&);
// In the version of `like`, which is a subscription's bytes.
Bytes bytes_of(const protocol::ConsumerProtocolAssignment&, ByteSpan like);

}  // namespace ottla::broker::groups
