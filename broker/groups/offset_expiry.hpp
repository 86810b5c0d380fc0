// SPDX-License-Identifier: Apache-2.0
// OffsetExpiry: which offsets of a group nobody needs any more (KIP-211). Of a group that nobody is in, those that were
// neither committed nor used for the retention time; of a stable one, those of topics that it no longer reads.
#pragma once

#include <cstdint>
#include <string_view>

#include "broker/groups/classic_group.hpp"
#include "broker/groups/consumer_group.hpp"
#include "broker/groups/group_offsets.hpp"

namespace ottla::broker::groups {

class OffsetExpiry {
public:
    // The group must outlive it. It is `consumer`, when that is not null.
    OffsetExpiry(const ClassicGroup& group, const ConsumerGroup* consumer, std::int64_t wall_ms,
                 std::int64_t retention_ms)
        : group_(group),
          consumer_(consumer),
          wall_ms_(wall_ms),
          retention_ms_(retention_ms) {}

    bool is_over(std::string_view topic, const CommittedOffset&) const;

private:
    bool is_older(const CommittedOffset&, std::int64_t since_ms) const;

    const ClassicGroup& group_;
    const ConsumerGroup* consumer_;
    std::int64_t wall_ms_;
    std::int64_t retention_ms_;
};

}  // namespace ottla::broker::groups
