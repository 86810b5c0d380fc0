// SPDX-License-Identifier: Apache-2.0
// Committing offsets and asking for committed ones: tried until the deadline, wherever the coordinator goes. Loop only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ottla/topic_partition.hpp>

#include "client/group/coordinator.hpp"
#include "client/group/membership.hpp"

namespace ottla::client {

struct CommitTerms {
    std::optional<std::string> instance_id;
    // Asked before each attempt: who commits. Errors end the commit.
    std::function<Result<MemberIdentity>()> identity;
    // Asked before each attempt: the partition may still be committed.
    std::function<bool(const TopicPartition&)> is_ours;
    // The same: no later commit of it has begun, whose offset this one would take back.
    std::function<bool(const TopicPartition&)> is_latest;
    // Asked before each attempt: of which topic it is; where that is not known, the name counts.
    std::function<std::optional<Uuid>(std::string_view topic)> id_of;
    // The group does not count `who` as a member, or not in that generation. True: that is out of date, and the commit
    // is tried again.
    std::function<bool(ErrorCode, const MemberIdentity& who)> on_refused;
    // How long to wait for a generation that has begun to get its assignment.
    TimePoint rebalance_until = TimePoint::max();
};

// The partitions, each with its error: assignment_lost when it is not ours any more, cancelled when a later commit of
// it has begun. Fails as a whole when there was no answer in time, with assignment_lost when the coordinator does not
// count the member as one any more, and with what else it says of the group.
awaitable<Result<std::vector<TopicPartition>>> commit_offsets(std::shared_ptr<Coordinator> coordinator,
                                                              std::vector<TopicPartition> offsets, CommitTerms terms,
                                                              TimePoint deadline);

// The partitions with what is committed, invalid where nothing is; each with its error, also
// unknown_topic_or_partition, which may pass. Waits for transactions that are
// not decided (KIP-447), and for the epoch of a member that is behind.
awaitable<Result<std::vector<TopicPartition>>> fetch_committed(std::shared_ptr<Coordinator> coordinator,
                                                               std::vector<TopicPartition> partitions,
                                                               TimePoint deadline);

}  // namespace ottla::client
