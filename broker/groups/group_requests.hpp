// SPDX-License-Identifier: Apache-2.0
// What a group coordinator is asked: Kafka's requests where they speak of one group, and words of our own where theirs
// speak of several.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <ottla/protocol/messages/consumer_group_heartbeat_request.hpp>
#include <ottla/protocol/messages/heartbeat_request.hpp>
#include <ottla/protocol/messages/join_group_request.hpp>
#include <ottla/protocol/messages/leave_group_request.hpp>
#include <ottla/protocol/messages/offset_commit_request.hpp>
#include <ottla/protocol/messages/offset_delete_request.hpp>
#include <ottla/protocol/messages/offset_fetch_request.hpp>
#include <ottla/protocol/messages/sync_group_request.hpp>

namespace ottla::broker::groups {

// One group of an OffsetFetch, with the names of its topics.
struct FetchOffsets {
    std::string group_id;
    // Nothing: all that there are.
    std::optional<std::vector<protocol::OffsetFetchRequest::OffsetFetchRequestTopics>> topics;
    bool require_stable = false;
    // Who asks, as a member of a group of the consumer protocol; null: nobody of it.
    std::optional<std::string> member_id;
    std::int32_t member_epoch = -1;
};

// One group of a DescribeGroups.
struct DescribeGroup {
    std::string group_id;
};

// One group of a ConsumerGroupDescribe.
struct DescribeConsumerGroup {
    std::string group_id;
};

// One group of a DeleteGroups.
struct DeleteGroup {
    std::string group_id;
};

// All groups of the coordinator that are in one of these states and of one of these types, however they are
// capitalized; without any, in all.
struct ListGroups {
    std::vector<std::string> states;
    std::vector<std::string> types;
};

using GroupRequest = std::variant<protocol::JoinGroupRequest, protocol::SyncGroupRequest, protocol::HeartbeatRequest,
                                  protocol::LeaveGroupRequest, protocol::OffsetCommitRequest, FetchOffsets,
                                  protocol::OffsetDeleteRequest, DescribeGroup, DeleteGroup, ListGroups,
                                  protocol::ConsumerGroupHeartbeatRequest, DescribeConsumerGroup>;

}  // namespace ottla::broker::groups
