// SPDX-License-Identifier: Apache-2.0
// GroupOffsets: what one group has committed. Changes by records alone, whether they were just written or are read
// again from the log.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/protocol/messages/offset_commit_value.hpp>
#include <ottla/protocol/messages/offset_fetch_response.hpp>
#include "broker/groups/group_records.hpp"

namespace ottla::broker::groups {

struct CommittedOffset {
    std::int64_t offset = -1;
    std::int32_t leader_epoch = -1;
    std::string metadata;
    std::int64_t commit_ms = -1;  // by the wall clock
    std::int64_t expire_ms = -1;  // -1: when the group's time is over
    Uuid topic_id;                // zero: not told
    std::int64_t log_offset = 0;  // of its record
};
// As the place of a record whose place nobody needs, for it comes after all that are read.
inline constexpr std::int64_t just_written = std::numeric_limits<std::int64_t>::max();

class GroupOffsets {
public:
    using Partitions = std::map<std::int32_t, CommittedOffset>;
    using Topics = std::map<std::string, Partitions, std::less<>>;

    const Topics& topics() const noexcept { return topics_; }
    bool empty() const noexcept { return topics_.empty() && pending_.empty(); }
    std::size_t size() const noexcept;
    // Null when nothing was committed there.
    const CommittedOffset* find(std::string_view topic, std::int32_t partition) const;
    // Committed, or within a transaction.
    bool has(std::string_view topic, std::int32_t partition) const {
        return find(topic, partition) || is_pending(topic, partition);
    }

    struct Place {
        const std::string& topic;
        std::int32_t partition;
        const CommittedOffset* committed;  // null: a transaction has touched it, and is not over
        const Uuid& topic_id;              // zero: not told
    };
    // All that there are; those that a transaction is about to change as not committed.
    std::vector<Place> all() const;

    void apply(const OffsetRecord&, std::int64_t log_offset);

    // --- offsets within transactions: they count when their producer's marker says so, unless a later record has
    // told of the partition meanwhile ---
    void apply_pending(std::int64_t producer_id, const OffsetRecord&, std::int64_t log_offset);
    void end_transaction(std::int64_t producer_id, bool committed);
    bool is_pending(std::string_view topic, std::int32_t partition) const;

private:
    void forget_pending(const OffsetRecord::Key&);

    struct Pending {
        OffsetRecord record;
        std::int64_t log_offset;
    };
    Topics topics_;
    std::map<std::int64_t, std::vector<Pending>> pending_;  // by producer
};

}  // namespace ottla::broker::groups
