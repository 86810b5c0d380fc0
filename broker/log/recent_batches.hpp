// SPDX-License-Identifier: Apache-2.0
// RecentBatches: the last batches that one producer wrote to one log, so that one which comes again is known and
// answered as it was the first time. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace ottla::broker::log {

struct RecentBatch {
    std::int32_t first_sequence = -1;
    std::int32_t last_sequence = -1;
    std::int64_t first_offset = -1;
    std::int64_t last_offset = -1;
    std::int64_t timestamp = -1;  // its largest

    friend bool operator==(const RecentBatch&, const RecentBatch&) = default;
};

class RecentBatches {
public:
    // As Kafka: what a producer may have in flight is never more than what is remembered.
    static constexpr std::size_t most = 5;

    void clear() noexcept { count_ = 0; }
    void add(const RecentBatch& batch) noexcept {
        if (count_ == most) {
            std::shift_left(batches_.begin(), batches_.end(), 1);
            --count_;
        }
        batches_[count_++] = batch;
    }
    // The one with exactly these sequences; null when it is not among the last.
    const RecentBatch* find(std::int32_t first_sequence, std::int32_t last_sequence) const noexcept {
        for (std::size_t i = 0; i < count_; ++i)
            if (batches_[i].first_sequence == first_sequence && batches_[i].last_sequence == last_sequence)
                return &batches_[i];
        return nullptr;
    }

private:
    std::array<RecentBatch, most> batches_;
    std::size_t count_ = 0;
};

}  // namespace ottla::broker::log
