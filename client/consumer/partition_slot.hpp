// SPDX-License-Identifier: Apache-2.0
// PartitionSlot: what the application's threads and the loop both know of an assigned partition. `turn` tells the
// fetched data of one position from that of the next: an assignment, a seek, a corrupt batch or an unassignment begins
// a new turn, and what carries an older one is dropped unread. No two turns of a consumer are the same.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <ottla/error.hpp>
#include <ottla/offset.hpp>

namespace ottla::client {

struct PartitionSlot {
    PartitionSlot(std::string topic_name, std::int32_t number)
        : topic(std::make_shared<const std::string>(std::move(topic_name))),
          partition(number) {}

    const std::shared_ptr<const std::string> topic;
    const std::int32_t partition;
    std::atomic<std::uint32_t> turn{0};
    // Of the next message to hand out; a place (beginning, end, …) until it is known.
    std::atomic<std::int64_t> position{Offset::invalid().value()};
    std::atomic<bool> paused{false};
    // Why the next message does not come, as of the position at which it was so; over when that is another.
    std::atomic<ErrorCode> stuck_by{ErrorCode::none};
    std::atomic<std::int64_t> stuck_at{Offset::invalid().value()};
    bool is_stuck() const noexcept { return stuck_by != ErrorCode::none && stuck_at == position; }
    // Fetched and not handed out yet; the records as batch headers count them.
    std::atomic<std::int64_t> queued_bytes{0};
    std::atomic<std::int64_t> queued_records{0};
    // Handed out, or about to be: whole runs count. Keys and values alone.
    std::atomic<std::int64_t> received_records{0};
    std::atomic<std::int64_t> received_bytes{0};
    // As the last fetch told.
    std::atomic<std::int64_t> low_watermark{Offset::invalid().value()};
    std::atomic<std::int64_t> high_watermark{Offset::invalid().value()};
    // What the group has committed, as far as this consumer knows.
    std::atomic<std::int64_t> group_committed{Offset::invalid().value()};
    // What is to be committed, and what was last; -1: nothing. Delivery's lock guards them.
    struct Mark {
        std::int64_t offset = -1;
        std::int32_t leader_epoch = -1;
        std::string metadata;
    };
    Mark stored;
    std::int64_t committed = -1;
};
using SlotPtr = std::shared_ptr<PartitionSlot>;

}  // namespace ottla::client
