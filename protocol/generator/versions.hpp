// SPDX-License-Identifier: Apache-2.0
// Version ranges as specs write them: "3", "0-7", "2+", "none".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ottla::generator {

struct Versions {
    static constexpr int open = 32767;

    int min = 0;
    int max = -1;

    bool empty() const { return max < min; }
    bool contains(int version) const { return version >= min && version <= max; }
    bool contains(Versions other) const { return other.empty() || (other.min >= min && other.max <= max); }
    friend bool operator==(Versions a, Versions b) {
        return (a.empty() && b.empty()) || (a.min == b.min && a.max == b.max);
    }

    // Nothing when the text is not a range.
    static std::optional<Versions> parse(std::string_view);
};

Versions intersect(Versions, Versions);
// The smallest range that holds both.
Versions hull(Versions, Versions);
std::string to_string(Versions);

}  // namespace ottla::generator
