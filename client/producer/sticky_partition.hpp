// SPDX-License-Identifier: Apache-2.0
// StickyPartition: where records without a key go: all to one partition, so that batches fill, then to another once
// a batch's worth has gone there or sticky.partitioning.linger.ms have passed (KIP-480, KIP-794). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/random.hpp"

namespace ottla::client {

class StickyPartition {
public:
    // `linger_ms` 0: a new choice for every record.
    StickyPartition(std::size_t bytes_per_stay, std::int64_t linger_ms) noexcept
        : bytes_per_stay_(bytes_per_stay),
          linger_ms_(linger_ms) {}

    // One of `candidates`, which is not empty. `now_ms` is the wall clock's: a jump only makes it choose anew.
    std::int32_t choose(std::span<const std::int32_t> candidates, std::int64_t now_ms, std::size_t bytes,
                        base::Random& random) noexcept {
        if (!is_still_good(now_ms)) {
            current_ = another(candidates, random);
            since_ms_ = now_ms;
            bytes_ = 0;
        }
        bytes_ += bytes;
        return current_;
    }
    // The present choice has gone, or lost its leader.
    void forget() noexcept { current_ = -1; }

private:
    bool is_still_good(std::int64_t now_ms) const noexcept {
        return current_ >= 0 && bytes_ < bytes_per_stay_ && now_ms >= since_ms_ && now_ms - since_ms_ < linger_ms_;
    }
    // Not the same again, where there is a choice.
    std::int32_t another(std::span<const std::int32_t> candidates, base::Random& random) const noexcept {
        const std::size_t i = random.below(candidates.size());
        if (candidates[i] != current_ || candidates.size() == 1) return candidates[i];
        return candidates[(i + 1 + random.below(candidates.size() - 1)) % candidates.size()];
    }

    std::size_t bytes_per_stay_;
    std::int64_t linger_ms_;
    std::int32_t current_ = -1;
    std::int64_t since_ms_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace ottla::client
