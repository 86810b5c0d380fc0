// SPDX-License-Identifier: Apache-2.0
// What belongs to a consumer as a member of a group: callbacks of rebalances, and who it is to the coordinator.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

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

// Topics that the coordinator finds by a regular expression, those to come, too; for group.protocol=consumer.
class SubscriptionPattern {
public:
    // In the syntax of RE2; the whole name of a topic must match it. What is wrong with it, the coordinator says.
    static SubscriptionPattern re2(std::string regex) { return {std::move(regex), Syntax::re2}; }
    const std::string& text() const noexcept { return regex_; }

private:
    enum class Syntax : std::uint8_t { re2 };
    SubscriptionPattern(std::string regex, Syntax) noexcept : regex_(std::move(regex)) {}

    std::string regex_;
};

// For the offsets of a transaction (KIP-447).
struct GroupMetadata {
    std::string group_id;
    // With group.protocol=consumer, the member's epoch. -1: no member at the moment.
    std::int32_t generation = -1;
    std::string member_id;
    std::optional<std::string> instance_id;

    friend bool operator==(const GroupMetadata&, const GroupMetadata&) = default;
};
// "orders: member m-1 in generation 7"
std::string to_string(const GroupMetadata&);

// How partitions move: all are given back first, or only those that move (KIP-429; always with
// group.protocol=consumer).
enum class RebalanceProtocol : std::uint8_t { none, eager, cooperative };
std::string_view to_string(RebalanceProtocol) noexcept;

}  // namespace ottla::inline v0
