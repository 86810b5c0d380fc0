// SPDX-License-Identifier: Apache-2.0
// Batches of __consumer_offsets, read back into what a coordinator replays. Whatever the bytes say, what is no record
// of ours is left out and told.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/protocol/compression.hpp>
#include <ottla/result.hpp>
#include "broker/groups/group_coordinator.hpp"

namespace ottla::broker::groups {

// A record; within a transaction of `producer_id`, when that is not -1.
struct LoggedRecord {
    std::int64_t producer_id = -1;
    GroupRecord record;
    std::int64_t offset = 0;
};
// The end of a producer's transaction.
struct LoggedMarker {
    std::int64_t producer_id = -1;
    bool committed = false;
};

struct GroupLogPart {
    std::vector<std::variant<LoggedRecord, LoggedMarker>> items;
    std::int64_t next_offset = 0;
    std::size_t batches = 0;
    // Records that were left out, and why the first few.
    std::size_t skipped = 0;
    std::vector<std::string> reasons;

    void replay_into(GroupCoordinator&) const;
};

// Whole batches, the first of which may begin before `from`: records before it are left out. An error is one of the
// batches' shape, not of records.
Result<GroupLogPart> read_group_log(ByteSpan batches, std::int64_t from, protocol::Decompressor&);

}  // namespace ottla::broker::groups
