// SPDX-License-Identifier: Apache-2.0
// StickyPartition: where records without a key go: all to one partition, so that batches fill, until a batch's worth
// has gone there (KIP-794) or sticky.partitioning.linger.ms have passed (KIP-480). Where to then is for LoadChoice.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ottla::client {

class StickyPartition {
public:
    StickyPartition(std::size_t bytes_per_stay, std::int64_t linger_ms) noexcept
        : bytes_per_stay_(bytes_per_stay),
          linger_ms_(linger_ms) {}

    // -1: none.
    std::int32_t current() const noexcept { return current_; }
    // Another is to be chosen. `is_open`: its last batch still takes records; a little more may go there, so that no
    // small rest stays behind. `now_ms` is the wall clock's: a jump only makes it choose anew.
    bool is_over(std::int64_t now_ms, bool is_open) const noexcept {
        return current_ < 0 || bytes_ >= (is_open ? 2 * bytes_per_stay_ : bytes_per_stay_) || now_ms < since_ms_ ||
               now_ms - since_ms_ >= linger_ms_;
    }
    void move_to(std::int32_t partition, std::int64_t now_ms) noexcept {
        current_ = partition;
        since_ms_ = now_ms;
        bytes_ = 0;
    }
    void add(std::size_t bytes) noexcept { bytes_ += bytes; }
    // The present choice has gone, or lost its leader.
    void forget() noexcept { current_ = -1; }

private:
    std::size_t bytes_per_stay_;
    std::int64_t linger_ms_;
    std::int32_t current_ = -1;
    std::int64_t since_ms_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace ottla::client
