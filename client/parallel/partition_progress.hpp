// SPDX-License-Identifier: Apache-2.0
// PartitionProgress: how far the work on a partition has come: the lowest offset that is not finished, and what is
// finished beyond it. One word for each record between the two; offsets that no record has count as done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "client/parallel/offset_map.hpp"

namespace ottla::client {

class PartitionProgress {
public:
    // Of a record that was taken, for finish().
    using Place = std::uint64_t;

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
    std::int64_t watermark() const noexcept { return unfinished_ == 0 ? next_ : offset_at(first_); }
    // One behind the last that was taken or passed over.
    std::int64_t next() const noexcept { return next_; }
    // The committed map tells of records that were not read again yet: the lowest unfinished one may be among them.
    bool is_within_map() const noexcept { return next_ >= 0 && !known_.is_past(next_); }
    std::size_t unfinished() const noexcept { return unfinished_; }
    // Records from the watermark on, finished or not.
    std::size_t taken() const noexcept { return count(); }
    // What is done beyond the watermark, also what the committed map told of and was not read again yet.
    OffsetMap beyond() const;

private:
    std::size_t count() const noexcept { return static_cast<std::size_t>(end_ - first_); }
    // An offset, and whether it is done as the lowest bit.
    std::uint64_t& entry(Place p) noexcept { return ring_[p & (ring_.size() - 1)]; }
    std::uint64_t entry(Place p) const noexcept { return ring_[p & (ring_.size() - 1)]; }
    std::int64_t offset_at(Place p) const noexcept { return static_cast<std::int64_t>(entry(p) >> 1); }
    bool is_done_at(Place p) const noexcept { return (entry(p) & 1) != 0; }
    void grow();

    std::vector<std::uint64_t> ring_;  // a power of two of them
    Place first_ = 0;                  // not done, if there is one
    Place end_ = 0;
    std::size_t unfinished_ = 0;
    std::int64_t next_ = -1;
    OffsetMapReader known_;
};

}  // namespace ottla::client
