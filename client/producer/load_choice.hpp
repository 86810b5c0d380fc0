// SPDX-License-Identifier: Apache-2.0
// LoadChoice: the next partition of records without a key, the more likely the less is queued for it (KIP-794): its
// weight is the longest queue, plus 1, minus its own. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/random.hpp"

namespace ottla::client {

// `QueuedAt`: std::size_t(std::int32_t partition): how many batches wait there, or `avoided`.
template <class QueuedAt>
class LoadChoice {
public:
    static constexpr std::size_t avoided = SIZE_MAX;

    // `candidates` is not empty; both must outlive this.
    LoadChoice(std::span<const std::int32_t> candidates, const QueuedAt& queued_at)
        : candidates_(candidates),
          queued_at_(queued_at) {
        std::size_t count = 0;
        for (const std::int32_t c : candidates_) {
            const std::size_t queued = queued_at_(c);
            if (queued == avoided) continue;
            ++count;
            most_ = std::max(most_, queued);
            sum_ += queued;
        }
        sum_ = count * (most_ + 1) - sum_;
    }

    // 0 when all are avoided.
    std::size_t weight_of_all() const noexcept { return sum_; }
    // `draw`: below weight_of_all().
    std::int32_t at(std::size_t draw) const {
        for (const std::int32_t c : candidates_) {
            const std::size_t queued = queued_at_(c);
            const std::size_t weight = queued == avoided ? 0 : most_ + 1 - queued;
            if (draw < weight) return c;
            draw -= weight;
        }
        return candidates_.back();
    }
    // Any of them when all are avoided.
    std::int32_t draw(base::Random& random) const {
        return sum_ == 0 ? candidates_[random.below(candidates_.size())] : at(random.below(sum_));
    }

private:
    std::span<const std::int32_t> candidates_;
    const QueuedAt& queued_at_;
    std::size_t most_ = 0;
    std::size_t sum_ = 0;
};

}  // namespace ottla::client
