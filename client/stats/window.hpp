// SPDX-License-Identifier: Apache-2.0
// Window: how values were spread since the last statistics, in the manner of HDR histograms: exact to 1/32 over the
// whole range, in a fixed 9 KiB. Pure.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace ottla::client {

class Window {
public:
    void add(std::int64_t value) noexcept {
        if (value < 0) value = 0;
        ++buckets_[bucket_of(value)];
        if (count_ == 0 || value < min_) min_ = value;
        if (value > max_) max_ = value;
        ++count_;
        sum_ += value;
        squares_ += static_cast<double>(value) * static_cast<double>(value);
    }
    void clear() noexcept { *this = Window(); }

    std::int64_t count() const noexcept { return count_; }
    std::int64_t sum() const noexcept { return sum_; }
    std::int64_t min() const noexcept { return min_; }
    std::int64_t max() const noexcept { return max_; }
    std::int64_t average() const noexcept { return count_ == 0 ? 0 : sum_ / count_; }
    std::int64_t deviation() const noexcept {
        if (count_ == 0) return 0;
        const double mean = static_cast<double>(sum_) / static_cast<double>(count_);
        return static_cast<std::int64_t>(
            std::sqrt(std::max(0.0, squares_ / static_cast<double>(count_) - mean * mean)));
    }
    // The value that `share` of all do not exceed (0 … 1); 0 when there is none.
    std::int64_t percentile(double share) const noexcept {
        const auto wanted = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(count_)));
        std::int64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i];
            if (seen >= wanted && seen > 0) return std::min(greatest_of(i), max_);
        }
        return max_;
    }
    static constexpr std::size_t size_bytes() noexcept { return sizeof(buckets_); }

private:
    // The first 64 values have buckets of their own; of each power of two from there on 32 parts.
    static constexpr int exact_bits = 6;
    static constexpr std::size_t parts = 32;
    static constexpr int bits_max = 42;  // of microseconds: 50 days
    static constexpr std::size_t bucket_count = (std::size_t{1} << exact_bits) + (bits_max - exact_bits) * parts;

    static std::size_t bucket_of(std::int64_t value) noexcept {
        const auto v = static_cast<std::uint64_t>(value);
        if (v < (1U << exact_bits)) return v;
        const int top = static_cast<int>(std::bit_width(v)) - 1;
        if (top >= bits_max) return bucket_count - 1;
        const std::uint64_t part = (v >> (top - 5)) & (parts - 1);
        return (std::size_t{1} << exact_bits) + static_cast<std::size_t>(top - exact_bits) * parts + part;
    }
    static std::int64_t greatest_of(std::size_t bucket) noexcept {
        if (bucket < (1U << exact_bits)) return static_cast<std::int64_t>(bucket);
        const std::size_t above = bucket - (std::size_t{1} << exact_bits);
        const auto top = static_cast<int>(above / parts) + exact_bits;
        const std::uint64_t part = above % parts + parts;
        return static_cast<std::int64_t>(((part + 1) << (top - 5)) - 1);
    }

    std::array<std::int64_t, bucket_count> buckets_{};
    std::int64_t count_ = 0;
    std::int64_t sum_ = 0;
    std::int64_t min_ = 0;
    std::int64_t max_ = 0;
    double squares_ = 0;
};

}  // namespace ottla::client
