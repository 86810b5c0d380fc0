// SPDX-License-Identifier: Apache-2.0
// ClassicMembership: a member of a classic group, whose members share the partitions out among themselves. Eager
// assignors give everything back before a join, cooperative ones (KIP-429) only what moves. Follows KIP-62, KIP-345
// (static members), KIP-394, KIP-800 (reasons) and KIP-814.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "client/group/coordinator_search.hpp"
#include "client/group/membership.hpp"
#include "client/group/reports.hpp"

namespace ottla::client {

struct ClassicSettings : MembershipSettings {
    std::vector<const Assignor*> assignors;  // by preference; not empty
    base::Duration session_timeout;
    base::Duration heartbeat_interval;
};

class ClassicMembership final : public Membership {
public:
    using Action = MembershipAction;

    // `random` must outlive it.
    ClassicMembership(ClassicSettings, base::Random& random);

    void subscribe(TopicSelection, TimePoint now) override;
    void unsubscribe(std::string reason, TimePoint now) override;
    void on_poll(TimePoint now) override;
    void on_metadata(const GroupTopics&) override;
    void on_topic_made_anew(const std::string& topic) override;
    std::optional<Action> next(TimePoint now) override;
    TimePoint wake_at() const override;

    void on_answer(std::uint64_t call, MembershipAnswer, TimePoint now) override;
    void on_coordinator(std::uint64_t call, const Error&, TimePoint now);
    void on_join(std::uint64_t call, Result<protocol::JoinGroupResponse>, TimePoint now);
    void on_topics(std::uint64_t call, Result<GroupTopics>, TimePoint now);
    void on_sync(std::uint64_t call, Result<protocol::SyncGroupResponse>, TimePoint now);
    void on_heartbeat(std::uint64_t call, const Result<protocol::HeartbeatResponse>&, TimePoint now);
    void on_leave(std::uint64_t call);
    void on_described(std::uint64_t call, const Result<protocol::DescribeGroupsResponse>&, TimePoint now);
    void on_rebalanced(std::uint64_t call, TimePoint now) override;
    bool on_commit_error(ErrorCode, const MemberIdentity& who, TimePoint now) override;

    const MemberIdentity& identity() const noexcept override { return identity_; }
    const PartitionMap& owned() const noexcept override { return handover_.owned(); }
    const std::vector<std::string>& topics() const noexcept override { return topics_; }
    const GroupTopics& shared_topics() const noexcept override { return shared_; }
    std::optional<Uuid> assigned_id(std::string_view) const override { return std::nullopt; }
    bool cooperative() const noexcept override { return cooperative_; }
    bool has_rebalances() const noexcept override { return handover_.has_waiting(); }
    bool is_out() const noexcept override {
        return (phase_ == Phase::out || phase_ == Phase::fenced) && handover_.is_idle();
    }
    bool is_away() const noexcept override { return phase_ == Phase::away; }
    std::string_view state_name() const noexcept override;
    std::string_view join_state() const noexcept override;
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
    bool application_busy() const noexcept { return !handover_.is_idle(); }

    Action act(TimePoint deadline);
    void look_at_time(TimePoint now);
    void advance(TimePoint now);
    std::optional<Action> next_rebalance();
    std::optional<Action> next_request(TimePoint now);
    std::optional<Action> leave(TimePoint now);
    protocol::JoinGroupRequest join_request();
    void begin_rejoin();
    void share_out(GroupTopics, TimePoint now);
    void refuse_assignment(const Error&, TimePoint now);
    Result<std::vector<protocol::SyncGroupRequest::SyncGroupRequestAssignment>> shares();
    const Assignor* offered(std::string_view name) const;
    Bytes own_user_data(const Assignor&);
    void tell_assignor(const PartitionMap&, Bytes user_data);
    void take_members(const protocol::JoinGroupResponse&);
    void hand_over(PartitionMap assigned);
    void expect_owners(TimePoint now);
    std::optional<Action> look_for_orphans(TimePoint now);

    void lose();
    base::Duration first_pace() const;
    void join_anew(TimePoint now);
    void fence();
    // What an error asks for wherever it comes. False: it says nothing about the membership.
    bool on_error(const Error&, TimePoint now);
    void refused(const Error&, std::string_view during, TimePoint now);

    const ClassicSettings settings_;
    const bool cooperative_;
    CoordinatorSearch search_;

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
    std::size_t dealt_ = 0;  // so many of their partitions
    TimePoint orphans_due_ = TimePoint::max();
    std::uint64_t description_ = 0;  // of the group, under way
    Handover handover_;
    // The last assignment, for sticky assignors.
    PartitionMap held_;
    std::int32_t held_generation_ = -1;

    std::uint64_t calls_ = 0;
    std::uint64_t request_ = 0;    // join, sync, topics or leave that is under way
    std::uint64_t heartbeat_ = 0;  // under way
    TimePoint last_heartbeat_{};
    base::Duration heartbeat_pace_;  // until the next; heartbeat_interval when the generation is not new
    TimePoint last_contact_{};
    bool join_unanswered_ = false;  // the last one
    TimePoint last_poll_{};

    std::optional<std::string> rejoin_reason_;
    std::string join_reason_;
    std::string leave_reason_;
    bool leave_sent_ = false;
    // A leave that the phase does not wait for.
    std::optional<protocol::LeaveGroupRequest> parting_;
    Reports reports_;
    std::string assignor_told_;  // of an assignor of the application
};

}  // namespace ottla::client
