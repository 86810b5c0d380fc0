// SPDX-License-Identifier: Apache-2.0
// What the group coordinator wants done: records for its partition's log, and answers. Whoever performs it appends the
// records as one batch, tells the coordinator how that went, and sends the answers once everything that was appended
// until then is committed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <ottla/function.hpp>
#include <ottla/protocol/messages/consumer_group_describe_response.hpp>
#include <ottla/protocol/messages/consumer_group_heartbeat_response.hpp>
#include <ottla/protocol/messages/delete_groups_response.hpp>
#include <ottla/protocol/messages/describe_groups_response.hpp>
#include <ottla/protocol/messages/heartbeat_response.hpp>
#include <ottla/protocol/messages/join_group_response.hpp>
#include <ottla/protocol/messages/leave_group_response.hpp>
#include <ottla/protocol/messages/list_groups_response.hpp>
#include <ottla/protocol/messages/offset_commit_response.hpp>
#include <ottla/protocol/messages/offset_delete_response.hpp>
#include <ottla/protocol/messages/offset_fetch_response.hpp>
#include <ottla/protocol/messages/sync_group_response.hpp>
#include "base/clock.hpp"
#include "base/random.hpp"
#include "broker/groups/group_records.hpp"
#include "broker/groups/group_settings.hpp"
#include "broker/groups/group_timers.hpp"

namespace ottla::broker::groups {

// A request that was taken in; it gets one answer, perhaps much later.
using Ticket = std::uint64_t;

// Who asks.
struct Caller {
    std::string client_id;
    std::string client_host;   // "/127.0.0.1", as Java shows an address
    std::int16_t version = 0;  // of the request
};

using GroupAnswer =
    std::variant<protocol::JoinGroupResponse, protocol::SyncGroupResponse, protocol::HeartbeatResponse,
                 protocol::LeaveGroupResponse, protocol::OffsetCommitResponse,
                 protocol::OffsetFetchResponse::OffsetFetchResponseGroup, protocol::OffsetDeleteResponse,
                 protocol::DescribeGroupsResponse::DescribedGroup, protocol::DeleteGroupsResponse::DeletableGroupResult,
                 protocol::ListGroupsResponse, protocol::ConsumerGroupHeartbeatResponse,
                 protocol::ConsumerGroupDescribeResponse::DescribedGroup>;

struct Reply {
    Ticket ticket = 0;
    GroupAnswer answer;
};

struct Turn;

struct Decision {
    std::vector<GroupRecord> records;
    std::vector<Reply> replies;
    // What the state becomes when the records are in the log (none), or are not (why): for what cannot be told from
    // the records alone. Called at once, on the same coordinator; may decide more.
    Function<void(Turn&, ErrorCode)> then;

    bool empty() const noexcept { return records.empty() && replies.empty(); }
};

// One step of the state machine: when it is, what it may use, and where its decision goes.
struct Turn {
    base::TimePoint now;
    std::int64_t wall_ms;
    const GroupSettings& settings;
    GroupTimers& timers;
    base::Random& random;
    Decision& decision;

    void answer(Ticket ticket, GroupAnswer answer) { decision.replies.push_back({ticket, std::move(answer)}); }
    void write(GroupRecord record) { decision.records.push_back(std::move(record)); }
    base::TimePoint after(std::chrono::milliseconds delay) const { return now + delay; }
};

template <class Answer>
Answer failed(ErrorCode code) {
    Answer answer;
    answer.error_code = static_cast<std::int16_t>(code);
    return answer;
}

}  // namespace ottla::broker::groups
