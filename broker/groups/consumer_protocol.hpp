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
#include "broker/groups/consumer_group.hpp"
#include "broker/groups/decision.hpp"

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
    // The group was read from the log: its members have a session's time to be heard of.
    void resume();

    // --- moments ---
    void session_over(const std::string& member_id);
    void rebalance_over(const std::string& member_id);

    // --- records ---
    // Of all that there is of a group without members.
    void delete_group();

private:
    // A heartbeat on its way through: the member as it is, and as it will be.
    struct Step {
        ConsumerMember old;
        ConsumerMember next;
        std::string replaced;  // the static member whose place it takes; empty: none
        std::int32_t epoch = 0;
        bool is_new_subscription = false;
    };

    // --- joining ---
    Result<Step> begin(const Caller&, const Request&);
    Result<ConsumerMember> find_member(const Request&, const std::string& member_id, std::string& replaced) const;
    Result<ConsumerMember> find_static(const Request&, const std::string& member_id, std::string& replaced) const;
    Result<void> check_epoch(const ConsumerMember&, const Request&) const;
    void replace(const ConsumerMember& old, const ConsumerMember& next);
    Response answer(const Step&, const Request&) const;

    // --- dealing ---
    void raise_epoch(Step&, bool must);
    void write_epoch(std::int32_t epoch, std::int64_t hash);
    TopicPartitions target_for(const Step&);
    TopicPartitions deal(const Step&);
    std::vector<Uuid> topic_ids(const MemberProfile&) const;
    Result<void> reconcile_member(Step&, const Request&, const TopicPartitions& target, std::int32_t assignment_epoch);

    // --- leaving ---
    Response leave(const Request&);
    void fence(const ConsumerMember&, std::optional<TimerKind> again = {});
    void tombstones_of(const std::string& member_id);

    void heard_of(const ConsumerMember&);
    void forget(const std::string& member_id, std::optional<TimerKind> again = {});
    TimerKey timer(TimerKind kind, const std::string& member_id) const { return {group_.id(), kind, member_id}; }

    ConsumerGroup& group_;
    const MetadataImage& image_;
    Turn& turn_;
};

}  // namespace ottla::broker::groups
