// SPDX-License-Identifier: Apache-2.0
// Membership: a member of a group, from joining to leaving, behind one face for both protocols. It decides only: it is
// told what happens and the time, and says what is to be done next. ClassicMembership shares partitions out among the
// members (KIP-62 and its followers); in ConsumerMembership the coordinator does (KIP-848).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <ottla/error.hpp>
#include <ottla/protocol/messages/consumer_group_heartbeat_request.hpp>
#include <ottla/protocol/messages/consumer_group_heartbeat_response.hpp>
#include <ottla/protocol/messages/describe_groups_request.hpp>
#include <ottla/protocol/messages/describe_groups_response.hpp>
#include <ottla/protocol/messages/heartbeat_request.hpp>
#include <ottla/protocol/messages/heartbeat_response.hpp>
#include <ottla/protocol/messages/join_group_request.hpp>
#include <ottla/protocol/messages/join_group_response.hpp>
#include <ottla/protocol/messages/leave_group_request.hpp>
#include <ottla/protocol/messages/leave_group_response.hpp>
#include <ottla/protocol/messages/sync_group_request.hpp>
#include <ottla/protocol/messages/sync_group_response.hpp>
#include <ottla/result.hpp>
#include <ottla/uuid.hpp>

#include "base/clock.hpp"
#include "client/consumer/assignors/assignor.hpp"
#include "client/group/handover.hpp"
#include "client/group/member_identity.hpp"

namespace ottla::client {

using base::TimePoint;

// What both protocols need to know.
struct MembershipSettings {
    std::string group_id;
    std::optional<std::string> instance_id;
    std::optional<std::string> rack;
    base::Duration max_poll_interval;  // the rebalance timeout, too
    base::Duration retry_backoff;
    base::Duration retry_backoff_max;
    base::Duration request_timeout;
};

// What is wanted: topics by name, sorted, each once, and those that the coordinator finds by a regular expression
// (RE2's; empty: none), which only the consumer protocol has.
struct TopicSelection {
    std::vector<std::string> names;
    std::string regex;

    friend bool operator==(const TopicSelection&, const TopicSelection&) = default;
};

struct FindCoordinator {};
// The leader of a classic group needs to know the topics of all members.
struct DescribeTopics {
    std::vector<std::string> topics;
};
// The coordinator assigns topics by their ids.
struct NameTopics {
    std::vector<Uuid> ids;
};
// An error for the application.
struct Report {
    Error error;
};

struct MembershipAction {
    std::uint64_t call = 0;
    std::variant<FindCoordinator, protocol::JoinGroupRequest, protocol::SyncGroupRequest, protocol::HeartbeatRequest,
                 protocol::LeaveGroupRequest, protocol::DescribeGroupsRequest, protocol::ConsumerGroupHeartbeatRequest,
                 DescribeTopics, NameTopics, Rebalance, Report>
        what;
    // Of a request.
    TimePoint deadline{};
};

// What came of looking for the coordinator.
struct CoordinatorFound {
    Error error;
};
// Those that are there; others have no name yet, or none any more.
using TopicNames = std::map<Uuid, std::string>;

using MembershipAnswer =
    std::variant<CoordinatorFound, Result<protocol::JoinGroupResponse>, Result<protocol::SyncGroupResponse>,
                 Result<protocol::HeartbeatResponse>, Result<protocol::LeaveGroupResponse>,
                 Result<protocol::DescribeGroupsResponse>, Result<protocol::ConsumerGroupHeartbeatResponse>,
                 Result<GroupTopics>, Result<TopicNames>>;

class Membership {
public:
    virtual ~Membership() = default;

    // What the application wants; a change lets the group share out anew.
    virtual void subscribe(TopicSelection, TimePoint now) = 0;
    virtual void unsubscribe(std::string reason, TimePoint now) = 0;
    // The application has polled, or is waiting in a poll.
    virtual void on_poll(TimePoint now) = 0;
    // What is known of the topics now; only the leader of a classic group minds.
    virtual void on_metadata(const GroupTopics&) {}
    // The topic is another by the same name.
    virtual void on_topic_made_anew(const std::string&) {}

    // What is to be done now; again until there is nothing.
    virtual std::optional<MembershipAction> next(TimePoint now) = 0;
    // When to ask again though nothing has happened.
    virtual TimePoint wake_at() const = 0;

    // The answer to an action by its `call`; one that is out of date is ignored. The application's, to a Rebalance, is
    // on_rebalanced().
    virtual void on_answer(std::uint64_t call, MembershipAnswer, TimePoint now) = 0;
    virtual void on_rebalanced(std::uint64_t call, TimePoint now) = 0;
    // A commit of `who` was answered with this. It may say that the membership is over; true: not of this membership,
    // which has gone on since or is about to, so that the commit may be tried again.
    virtual bool on_commit_error(ErrorCode, const MemberIdentity& who, TimePoint now) = 0;

    // What the next commit carries.
    virtual const MemberIdentity& identity() const = 0;
    // What the application holds: from the hand-over on, until it has given it back or lost it.
    virtual const PartitionMap& owned() const = 0;
    // Those asked for by name.
    virtual const std::vector<std::string>& topics() const = 0;
    // Those of all members, of whose changes a leader must be told; empty for others.
    virtual const GroupTopics& shared_topics() const = 0;
    // The topic that partitions of this name were assigned of, where the coordinator said.
    virtual std::optional<Uuid> assigned_id(std::string_view topic) const = 0;
    // Members keep what does not move.
    virtual bool cooperative() const = 0;
    // There is more for the application than what next() has given so far.
    virtual bool has_rebalances() const = 0;
    // Nothing is going on, and nothing will.
    virtual bool is_out() const = 0;
    // It left since nobody polled, and joins again with the next poll.
    virtual bool is_away() const = 0;
    // What it is about, for the log.
    virtual std::string_view state_name() const = 0;
    // The same by librdkafka's names, of which both protocols have the same; "steady": nothing is to be done.
    virtual std::string_view join_state() const = 0;
};

}  // namespace ottla::client
