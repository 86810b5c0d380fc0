// SPDX-License-Identifier: Apache-2.0
// ConsumerMember: one member of a group of the consumer protocol (KIP-848): what it says of itself, and where it stands
// between the assignment it has and the one it is to have. Both parts are records of their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ottla/uuid.hpp>
#include "broker/groups/classic_group.hpp"

namespace ottla::broker::groups {

// Partitions by their topics; no topic without any.
using TopicPartitions = std::map<Uuid, std::set<std::int32_t>>;
// The same, each with the assignment epoch in which its member got it (KIP-1251).
using OwnedPartitions = std::map<Uuid, std::map<std::int32_t, std::int32_t>>;

// Kafka's numbers.
enum class MemberState : std::int8_t {
    stable = 0,                 // it has what it is to have
    unrevoked_partitions = 1,   // it has yet to say that it gave partitions up
    unreleased_partitions = 2,  // others have yet to give up what it is to have
    unknown = 127,              // of a newer broker
};

// Its epoch, when it is none of a member: a static one has gone, and will be back.
inline constexpr std::int32_t static_leave_epoch = -2;
inline constexpr std::int32_t leave_epoch = -1;

// Of a member that speaks the classic protocol to a group of the consumer protocol.
struct ClassicSide {
    std::chrono::milliseconds session_timeout{};
    std::vector<MemberProtocol> protocols;
    friend bool operator==(const ClassicSide&, const ClassicSide&) = default;
};

// What it says of itself.
struct MemberProfile {
    std::optional<std::string> instance_id;
    std::optional<std::string> rack_id;
    std::string client_id;
    std::string client_host;
    std::vector<std::string> topics;  // in order, each once
    std::string regex;                // empty: none
    std::int32_t rebalance_timeout_ms = -1;
    std::optional<std::string> server_assignor;
    std::optional<ClassicSide> classic;
    friend bool operator==(const MemberProfile&, const MemberProfile&) = default;
};

// Where it stands.
struct MemberPosition {
    std::int32_t epoch = 0;
    std::int32_t previous_epoch = 0;
    MemberState state = MemberState::stable;
    OwnedPartitions assigned;
    OwnedPartitions pending_revocation;
    friend bool operator==(const MemberPosition&, const MemberPosition&) = default;

    bool is_reconciled_to(std::int32_t assignment_epoch) const noexcept {
        return state == MemberState::stable && epoch == assignment_epoch;
    }
};

struct ConsumerMember {
    std::string id;
    MemberProfile profile;
    MemberPosition position;

    bool is_classic() const noexcept { return profile.classic.has_value(); }
};

// The assignment epoch in which it got the partition, which it may be about to give up; nothing when it is another's.
inline std::optional<std::int32_t> owned_since(const MemberPosition& position, const Uuid& topic,
                                               std::int32_t partition) {
    for (const auto* owned : {&position.assigned, &position.pending_revocation}) {
        const auto of_topic = owned->find(topic);
        if (of_topic == owned->end()) continue;
        if (const auto at = of_topic->second.find(partition); at != of_topic->second.end()) return at->second;
    }
    return std::nullopt;
}

// What was assigned before its member had this id counts as assigned from the begin.
inline OwnedPartitions from_the_begin(OwnedPartitions owned) {
    for (auto& [topic, partitions] : owned) {
        for (auto& [number, epoch] : partitions) epoch = 0;
    }
    return owned;
}

inline bool contains(const OwnedPartitions& owned, const Uuid& topic, std::int32_t partition) {
    const auto at = owned.find(topic);
    return at != owned.end() && at->second.contains(partition);
}

}  // namespace ottla::broker::groups
