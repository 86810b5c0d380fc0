// SPDX-License-Identifier: Apache-2.0
// Offset: where to read in a partition. A number from 0 up, or a place that is looked up when it is needed.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include <ottla/result.hpp>

namespace ottla::inline v0 {

class Offset {
public:
    // Not set.
    constexpr Offset() noexcept = default;
    constexpr Offset(std::int64_t value) noexcept : value_(value) {}

    // The first record that the broker still has.
    static constexpr Offset beginning() noexcept { return -2; }
    // After the last record: only what is written from now on.
    static constexpr Offset end() noexcept { return -1; }
    // What the group has committed; without it, what auto.offset.reset says.
    static constexpr Offset stored() noexcept { return -1000; }
    static constexpr Offset invalid() noexcept { return -1001; }
    // The last `count` records.
    static constexpr Offset tail(std::int64_t count) noexcept { return tail_base - count; }
    // A number, or one of: beginning, earliest, smallest, end, latest, largest, stored, invalid, tail(N).
    static Result<Offset> parse(std::string_view);

    constexpr std::int64_t value() const noexcept { return value_; }
    // A position in the log, not a place to be looked up.
    constexpr bool is_absolute() const noexcept { return value_ >= 0; }
    constexpr bool is_tail() const noexcept { return value_ <= tail_base; }
    constexpr std::int64_t tail_count() const noexcept { return tail_base - value_; }

    friend constexpr auto operator<=>(Offset, Offset) noexcept = default;

private:
    static constexpr std::int64_t tail_base = -2000;
    std::int64_t value_ = -1001;
};

// "42", "beginning", "end", "stored", "invalid", "tail(10)": what parse reads.
std::string to_string(Offset);

struct WatermarkOffsets {
    // The first offset that is still there.
    Offset low;
    // Where the next record will be written; with read_committed, the end of what may be read.
    Offset high;

    friend bool operator==(const WatermarkOffsets&, const WatermarkOffsets&) = default;
};
// "0..42"
std::string to_string(const WatermarkOffsets&);

}  // namespace ottla::inline v0
