// SPDX-License-Identifier: Apache-2.0
// Membership: a member of a classic group, from joining to leaving. It decides only: it is told what happens and the
// time, and says what is to be done next. Eager assignors give everything back before a join, cooperative ones
// (KIP-429) only what moves. Follows KIP-62, KIP-345 (static members), KIP-394, KIP-800 (reasons) and KIP-814.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <ottla/error.hpp>
#include <ottla/protocol/messages/heartbeat_request.hpp>
#include <ottla/protocol/messages/heartbeat_response.hpp>
#include <ottla/protocol/messages/join_group_request.hpp>
#include <ottla/protocol/messages/join_group_response.hpp>
#include <ottla/protocol/messages/leave_group_request.hpp>
#include <ottla/protocol/messages/leave_group_response.hpp>
#include <ottla/protocol/messages/sync_group_request.hpp>
#include <ottla/protocol/messages/sync_group_response.hpp>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "client/cluster/backoff.hpp"
#include "client/consumer/assignors/assignor.hpp"

namespace ottla::client {

using base::TimePoint;

struct MembershipSettings {
    std::string group_id;
    std::optional<std::string> instance_id;
    std::optional<std::string> rack;
    std::vector<const Assignor*> assignors;  // by preference; not empty
    base::Duration session_timeout;
    base::Duration heartbeat_interval;
    base::Duration max_poll_interval;  // the rebalance timeout, too
    base::Duration retry_backoff;
    base::Duration retry_backoff_max;
    base::Duration request_timeout;
};

// Who the coordinator knows us as.
struct MemberIdentity {
    std::string member_id;
    std::int32_t generation = -1;  // -1: no member at the moment

    friend bool operator==(const MemberIdentity&, const MemberIdentity&) = default;
};

struct FindCoordinator {};
// The leader needs to know the topics of all members.
struct DescribeTopics {
    std::vector<std::string> topics;
};
// For the application to take note of, in this order. What is lost comes also while an earlier one is not done: the
// partitions may be another's already.
struct Rebalance {
    enum class Kind : std::uint8_t { assigned, revoked, lost };
    Kind kind = Kind::assigned;
    PartitionMap partitions;
};
// An error for the application.
struct Report {
    Error error;
};

struct MembershipAction {
    std::uint64_t call = 0;
    std::variant<FindCoordinator, protocol::JoinGroupRequest, protocol::SyncGroupRequest, protocol::HeartbeatRequest,
                 protocol::LeaveGroupRequest, DescribeTopics, Rebalance, Report>
        what;
    // Of a request.
    TimePoint deadline{};
};

class Membership {
public:
    using Action = MembershipAction;

    // `random` must outlive it.
    Membership(MembershipSettings, base::Random& random);

    // What the application wants. Topics are sorted, each once; a change lets the group share out anew.
    void subscribe(std::vector<std::string> topics, TimePoint now);
    void unsubscribe(std::string reason, TimePoint now);
    // The application has polled, or is waiting in a poll.
    void on_poll(TimePoint now);
    // What is known of the topics now; only the leader minds.
    void on_metadata(const GroupTopics&);

    // What is to be done now; again until there is nothing.
    std::optional<Action> next(TimePoint now);
    // When to ask again though nothing has happened.
    TimePoint wake_at() const;

    // The answers to actions by their `call`. One that is out of date is ignored.
    void on_coordinator(std::uint64_t call, const Error&, TimePoint now);
    void on_join(std::uint64_t call, Result<protocol::JoinGroupResponse>, TimePoint now);
    void on_topics(std::uint64_t call, Result<GroupTopics>, TimePoint now);
    void on_sync(std::uint64_t call, Result<protocol::SyncGroupResponse>, TimePoint now);
    void on_heartbeat(std::uint64_t call, const Result<protocol::HeartbeatResponse>&, TimePoint now);
    void on_leave(std::uint64_t call);
    // The application is done with it.
    void on_rebalanced(std::uint64_t call, TimePoint now);
    // A commit of `who` was answered with this. It may say that the membership is over; true: not of this membership,
    // which has gone on since or is about to, so that the commit may be tried again.
    bool on_commit_error(ErrorCode, const MemberIdentity& who, TimePoint now);

    // What the next commit carries.
    const MemberIdentity& identity() const noexcept { return identity_; }
    // What the application holds: from the hand-over on, until it has given it back or lost it.
    const PartitionMap& owned() const noexcept { return owned_; }
    const std::vector<std::string>& topics() const noexcept { return topics_; }
    // Those of all members, of which the leader must be told changes; empty for others.
    const GroupTopics& shared_topics() const noexcept { return shared_; }
    bool cooperative() const noexcept { return cooperative_; }
    // Nothing is going on, and nothing will.
    bool is_out() const noexcept {
        return (phase_ == Phase::out || phase_ == Phase::fenced) && outstanding_.empty() && rebalances_.empty();
    }
    // It left since nobody polled, and joins again with the next poll.
    bool is_away() const noexcept { return phase_ == Phase::away; }
    bool is_stable() const noexcept { return phase_ == Phase::stable; }
    bool is_fenced() const noexcept { return phase_ == Phase::fenced; }

private:
    enum class Phase : std::uint8_t {
        out,        // not subscribed
        unjoined,   // to join when the coordinator is known
        giving_up,  // the application gives back what it must before the join
        joining,
        describing,  // as the leader, the topics are asked for
        sharing,     // and have failed to come: once more
        to_sync,     // the next request is SyncGroup
        syncing,
        handing,  // the application takes over the assignment
        stable,
        away,
        leaving,
        fenced,  // for good
    };

    bool is_member() const noexcept { return identity_.generation >= 0; }
    bool is_static() const noexcept { return settings_.instance_id.has_value(); }
    bool heartbeats() const noexcept;
    bool can_be_lost() const noexcept;
    bool rejoins() const noexcept;
    bool must_be_polled() const noexcept;
    bool application_busy() const noexcept { return !rebalances_.empty() || !outstanding_.empty(); }

    Action act(TimePoint deadline);
    void look_at_time(TimePoint now);
    void advance(TimePoint now);
    std::optional<Action> next_rebalance();
    std::optional<Action> next_request(TimePoint now);
    std::optional<Action> leave(TimePoint now);
    protocol::JoinGroupRequest join_request();
    void begin_rejoin();
    void share_out(GroupTopics);
    void take_members(const protocol::JoinGroupResponse&);
    void hand_over(PartitionMap assigned);

    void wait(TimePoint now);
    // At once the first time, later after a wait: a broker that contradicts itself must not be asked without end.
    void soon(TimePoint now);
    void coordinator_lost(TimePoint now);
    void lose();
    void join_anew(TimePoint now);
    void fence();
    void tell_once(const Error&);
    // What an error asks for wherever it comes. False: it says nothing about the membership.
    bool on_error(const Error&, TimePoint now);
    void refused(const Error&, std::string_view during, TimePoint now);

    const MembershipSettings settings_;
    const bool cooperative_;
    base::Random& random_;
    Backoff backoff_;

    Phase phase_ = Phase::out;
    bool subscribed_ = false;
    std::vector<std::string> topics_;
    MemberIdentity identity_;
    const Assignor* assignor_ = nullptr;  // of this generation
    bool leads_ = false;
    bool skip_assignment_ = false;  // the group keeps the one it has
    std::vector<GroupMember> members_;
    std::vector<protocol::SyncGroupRequest::SyncGroupRequestAssignment> assignments_;
    GroupTopics shared_;
    PartitionMap owned_;
    // The last assignment, for sticky assignors.
    PartitionMap held_;
    std::int32_t held_generation_ = -1;

    std::uint64_t calls_ = 0;
    std::uint64_t request_ = 0;    // join, sync, topics or leave that is under way
    std::uint64_t finding_ = 0;    // the coordinator
    std::uint64_t heartbeat_ = 0;  // under way
    bool coordinator_known_ = false;
    TimePoint not_before_{};
    TimePoint last_heartbeat_{};
    TimePoint last_contact_{};
    bool join_unanswered_ = false;  // the last one
    TimePoint last_poll_{};

    std::optional<std::string> rejoin_reason_;
    std::string join_reason_;
    std::string leave_reason_;
    bool leave_sent_ = false;
    // A leave that the phase does not wait for.
    std::optional<protocol::LeaveGroupRequest> parting_;
    std::deque<Rebalance> rebalances_;
    std::map<std::uint64_t, Rebalance> outstanding_;
    std::deque<Error> reports_;
    ErrorCode told_ = ErrorCode::none;
};

}  // namespace ottla::client
