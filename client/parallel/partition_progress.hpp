// SPDX-License-Identifier: Apache-2.0
// PartitionProgress: how far the work on a partition has come: the lowest offset that is not finished, and what is
// finished beyond it. It keeps what is not finished, in order: all else that was taken is done, and offsets that no
// record has count as done. So one that is never finished costs nothing, however many are done behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "client/parallel/offset_map.hpp"

namespace ottla::client {

class PartitionProgress {
public:
    // Of a record that was taken, until finish(); then it may be another's.
    using Place = std::uint32_t;

    // Where nothing is committed yet.
    PartitionProgress() = default;
    // The group has committed map.base(), and with it what is done already.
    explicit PartitionProgress(OffsetMap map) : next_(map.base()), known_(std::move(map)) {}

    // The record at `offset`, not below next(), was finished before the restart or rebalance; it is passed over then.
    bool pass_if_done(std::int64_t offset);
    // It is to be worked on. Not below next().
    Place take(std::int64_t offset);
    void finish(Place);

    // What may be committed: the lowest offset that is not finished, or one behind the last taken. -1: not known yet.
    std::int64_t watermark() const noexcept { return unfinished_ == 0 ? next_ : records_[first_].offset; }
    // One behind the last that was taken or passed over.
    std::int64_t next() const noexcept { return next_; }
    // The committed map tells of records that were not read again yet: the lowest unfinished one may be among them.
    bool is_within_map() const noexcept { return next_ >= 0 && !known_.is_past(next_); }
    std::size_t unfinished() const noexcept { return unfinished_; }
    // Records from the watermark on, finished or not.
    std::uint64_t taken() const noexcept { return unfinished_ == 0 ? 0 : taken_ - records_[first_].number; }
    // What is done beyond the watermark, also what the committed map told of and was not read again yet.
    OffsetMap beyond() const;

private:
    static constexpr Place nobody = 0xffff'ffff;
    // One that is not finished, between those around it; `behind` is the next free one where nothing is.
    struct Record {
        std::int64_t offset = -1;
        std::uint64_t number = 0;  // of all that were taken
        Place before = nobody;
        Place behind = nobody;
    };

    std::vector<Record> records_;  // by place
    Place free_ = nobody;
    Place first_ = nobody;
    Place last_ = nobody;
    std::size_t unfinished_ = 0;
    std::uint64_t taken_ = 0;
    std::int64_t next_ = -1;
    OffsetMapReader known_;
};

}  // namespace ottla::client
