// SPDX-License-Identifier: Apache-2.0
// What belongs to a consumer as a member of a group: callbacks of rebalances, and who it is to the coordinator.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <ottla/function.hpp>
#include <ottla/topic_partition.hpp>

namespace ottla::inline v0 {

class Consumer;

// Each may be left out. They run in the thread that polls, within poll(), read_message(), poll_batch() or close(), one
// at a time, and may wait and commit, though for no longer than max.poll.interval.ms; with the async_ twins they run on
// the loop, and must not block. Meanwhile nobody is handed messages. What they throw is logged.
struct RebalanceCallbacks {
    using Callback = Function<void(Consumer&, std::span<const TopicPartition>)>;

    // The partitions are assigned, from their committed offsets on; seek() here begins elsewhere.
    Callback assigned;
    // They are given back when this returns; what has been done can still be committed.
    Callback revoked;
    // They are another's already; a commit answers assignment_lost. Left out: `revoked` is called.
    Callback lost;
};

// For the offsets of a transaction (KIP-447).
struct GroupMetadata {
    std::string group_id;
    std::int32_t generation = -1;  // -1: no member at the moment
    std::string member_id;
    std::optional<std::string> instance_id;

    friend bool operator==(const GroupMetadata&, const GroupMetadata&) = default;
};
// "orders: member m-1 in generation 7"
std::string to_string(const GroupMetadata&);

// How partitions move: all are given back first, or only those that move (KIP-429).
enum class RebalanceProtocol : std::uint8_t { none, eager, cooperative };
std::string_view to_string(RebalanceProtocol) noexcept;

}  // namespace ottla::inline v0
