// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ottla::protocol {

// Versions of a message, both ends included. Empty when max < min.
struct VersionRange {
    std::int16_t min = 0;
    std::int16_t max = -1;

    constexpr bool contains(std::int16_t version) const noexcept { return version >= min && version <= max; }
    constexpr bool contains(VersionRange other) const noexcept { return other.min >= min && other.max <= max; }
    constexpr bool empty() const noexcept { return max < min; }
    friend constexpr bool operator==(const VersionRange&, const VersionRange&) = default;
};

// What both ends speak; empty when they have nothing in common.
constexpr VersionRange intersect(VersionRange a, VersionRange b) noexcept {
    return {a.min > b.min ? a.min : b.min, a.max < b.max ? a.max : b.max};
}

// first_flexible of a message that has no flexible version (KIP-482).
inline constexpr std::int16_t never_flexible = 32767;

}  // namespace ottla::protocol
