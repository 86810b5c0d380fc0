// SPDX-License-Identifier: Apache-2.0
// HashedRecords: the records of a batch, some at a time, while the slots of their keys are on the way into the cache:
// waiting for one after the other is most of what looking up keys costs.
#pragma once

#include <array>
#include <span>

#include <ottla/protocol/record.hpp>
#include "broker/log/compaction/key_offsets.hpp"

namespace ottla::broker::log {

class HashedRecords {
public:
    struct Item {
        protocol::RecordView record{};
        KeyOffsets::Hash hash{};  // of the key, if there is one
    };

    HashedRecords(const protocol::RecordReader& records, const KeyOffsets& keys) noexcept
        : records_(records),
          keys_(keys) {}

    // The next ones, good until the next call; none after the last, and when the bytes are malformed.
    std::span<const Item> next() noexcept {
        std::size_t count = 0;
        while (count < items_.size() && records_.next(items_[count].record)) {
            Item& item = items_[count++];
            if (!item.record.key) continue;
            item.hash = keys_.hash(*item.record.key);
            keys_.prefetch(item.hash);
        }
        return {items_.data(), count};
    }
    bool complete() const noexcept { return records_.complete(); }

private:
    protocol::RecordReader records_;
    const KeyOffsets& keys_;
    std::array<Item, 16> items_;
};

}  // namespace ottla::broker::log
