// SPDX-License-Identifier: Apache-2.0
// ConsumerProtocol: what one heartbeat, or one moment that has come, does to one group of the consumer protocol
// (KIP-848). It writes records and answers; the group changes when they are in the log. Made for a single step.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ottla/protocol/messages/consumer_group_heartbeat_request.hpp>
#include <ottla/protocol/messages/consumer_group_heartbeat_response.hpp>
#include <ottla/protocol/messages/heartbeat_request.hpp>
#include <ottla/protocol/messages/join_group_request.hpp>
#include <ottla/protocol/messages/leave_group_request.hpp>
#include <ottla/protocol/messages/sync_group_request.hpp>
#include "broker/groups/consumer_group.hpp"
#include "broker/groups/decision.hpp"
#include "broker/groups/reconciliation.hpp"
#include "broker/groups/topic_pattern.hpp"

namespace ottla::broker::groups {

class ConsumerProtocol {
public:
    using Request = protocol::ConsumerGroupHeartbeatRequest;
    using Response = protocol::ConsumerGroupHeartbeatResponse;

    // All must outlive it.
    ConsumerProtocol(ConsumerGroup& group, const MetadataImage& image, Turn& turn)
        : group_(group),
          image_(image),
          turn_(turn) {}

    // INVALID_REQUEST and UNSUPPORTED_ASSIGNOR: what is wrong with the request whatever the group.
    static Result<void> check(const Request&, std::int16_t version, const ConsumerSettings&);

    static Response refused(const Error&);
    // Joins, goes on, or leaves.
    Response heartbeat(const Caller&, const Request&);

    // --- members that speak the classic protocol ---
    void join_classic(Ticket, const Caller&, const protocol::JoinGroupRequest&);
    protocol::SyncGroupResponse sync_classic(const protocol::SyncGroupRequest&);
    ErrorCode heartbeat_classic(const protocol::HeartbeatRequest&);
    protocol::LeaveGroupResponse leave_classic(const protocol::LeaveGroupRequest&);
    // It did not join again, or ask for its assignment, in time.
    void classic_over(const std::string& member_id, TimerKind);

    // The group was read from the log: its members have a session's time to be heard of.
    void resume();

    // After a heartbeat: the group has expressions that were never resolved, or not since `topics_changed_at`, the
    // offset of the metadata in which the topics changed last.
    bool has_regexes_to_resolve(std::int64_t topics_changed_at) const;
    // What they match now, in the metadata of `version`.
    void resolved(const RegexRun::Resolved&, std::int64_t version);

    // --- moments ---
    void session_over(const std::string& member_id);
    void rebalance_over(const std::string& member_id);

    // --- records ---
    // Of all that there is of the group.
    void delete_group();

private:
    // A heartbeat on its way through: the member as it is, and as it will be.
    struct Step {
        ConsumerMember old;
        ConsumerMember next;
        std::string replaced;  // the static member whose place it takes; empty: none
        std::int32_t epoch = 0;
        bool is_dealt = false;  // with this step
        bool is_new_subscription = false;
    };

    // --- joining ---
    Result<Step> begin(const Caller&, const Request&);
    Result<Step> begin_classic(const protocol::JoinGroupRequest&, const std::string& member_id) const;
    Result<void> check_room(const std::string& member_id) const;
    bool supports(const std::string& protocol_type, const std::vector<MemberProtocol>&) const;
    static ConsumerMember in_place_of(const ConsumerMember& holder, const std::string& member_id);
    Result<ConsumerMember> find_member(const Request&, const std::string& member_id, std::string& replaced) const;
    Result<ConsumerMember> find_static(const Request&, const std::string& member_id, std::string& replaced) const;
    Result<void> check_epoch(const ConsumerMember&, const Request&) const;
    void replace(const ConsumerMember& old, const ConsumerMember& next);
    Result<void> check_regex(const Step&) const;
    bool change_regex(const Step&);
    // What the member says of itself, whom it replaces, and its way to what it is to have. `owned`: what it says it
    // has.
    Result<void> take_step(Step&, const Reconciliation::Owned* owned);
    Response answer(const Step&, const Request&) const;
    std::int32_t next_heartbeat_ms(const Step&) const;

    // --- dealing ---
    void raise_epoch(Step&, bool must);
    void write_epoch(std::int32_t epoch, std::int64_t hash);
    TopicPartitions target_for(Step&);
    bool is_time_to_deal(const Step&) const;
    TopicPartitions deal(const Step&);
    std::vector<Uuid> topic_ids(const MemberProfile&) const;
    Result<void> reconcile_member(Step&, const Reconciliation::Owned*, const TopicPartitions& target,
                                  std::int32_t assignment_epoch);

    // --- classic members ---
    ErrorCode find_classic(const std::string& member_id, const std::optional<std::string>& instance_id,
                           std::int32_t generation, const ConsumerMember*&) const;
    ErrorCode ask_to_join(const ConsumerMember&);
    bool waits_for_others(const ConsumerMember&) const;

    // --- leaving ---
    Response leave(const Request&);
    void fence(const std::vector<const ConsumerMember*>&, std::optional<TimerKind> again = {});
    ConsumerGroup::Names topics_without(const std::vector<const ConsumerMember*>&) const;
    void tombstones_of(const std::string& member_id);

    void heard_of(const ConsumerMember&);
    void forget(std::vector<std::string> member_ids, std::optional<TimerKind> again = {});
    TimerKey timer(TimerKind kind, const std::string& member_id) const { return {group_.id(), kind, member_id}; }

    ConsumerGroup& group_;
    const MetadataImage& image_;
    Turn& turn_;
    bool has_new_regex_ = false;
};

}  // namespace ottla::broker::groups
