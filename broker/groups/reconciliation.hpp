// SPDX-License-Identifier: Apache-2.0
// One step of a member towards what it is to have (KIP-848). It first gives up what others are to have, and says so;
// only then its epoch goes up and it gets what is free. So no partition ever has two owners.
//
//   Stable ──a newer assignment──▶ gives something up? ──yes──▶ UnrevokedPartitions ──it owns none of that any more──┐
//     ▲                                   │ no                                                                      │
//     │                                   ▼                                                                         │
//     └── all of it is there ◀── gets what is free ◀──────────────────────────────────────────────────────────────┘
//                                         │ others have some of it yet
//                                         ▼
//                               UnreleasedPartitions ──with every heartbeat──▶ (again)
#pragma once

#include <functional>
#include <set>
#include <vector>

#include <ottla/protocol/messages/consumer_group_heartbeat_request.hpp>
#include "broker/groups/consumer_member.hpp"

namespace ottla::broker::groups {

struct Reconciliation {
    using Owned = std::vector<protocol::ConsumerGroupHeartbeatRequest::TopicPartitions>;

    std::int32_t assignment_epoch = 0;
    const TopicPartitions* target = nullptr;
    std::vector<Uuid> subscribed;  // topics that it reads, in order
    bool has_new_subscription = false;
    const Owned* owned = nullptr;  // what it says it has; null: it does not say
    // Somebody else has it, or has not said yet that it gave it up.
    std::function<bool(const Uuid& topic, std::int32_t partition)> is_held;
};

// Where it stands then; where it stood, when nothing changes. FENCED_MEMBER_EPOCH: it is to begin anew.
Result<MemberPosition> reconcile(const MemberPosition&, const Reconciliation&);

}  // namespace ottla::broker::groups
