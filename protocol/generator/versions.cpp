// SPDX-License-Identifier: Apache-2.0
#include "protocol/generator/versions.hpp"

#include <algorithm>
#include <charconv>

namespace ottla::generator {
namespace {

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value >= Versions::open)
        return std::nullopt;
    return value;
}

}  // namespace

std::optional<Versions> Versions::parse(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    if (text == "none") return Versions{};
    if (!text.empty() && text.back() == '+') {
        const auto min = number(text.substr(0, text.size() - 1));
        if (!min) return std::nullopt;
        return Versions{*min, open};
    }
    const auto dash = text.find('-');
    if (dash == text.npos) {
        const auto only = number(text);
        if (!only) return std::nullopt;
        return Versions{*only, *only};
    }
    const auto min = number(text.substr(0, dash));
    const auto max = number(text.substr(dash + 1));
    if (!min || !max || *max < *min) return std::nullopt;
    return Versions{*min, *max};
}

Versions intersect(Versions a, Versions b) {
    if (a.empty() || b.empty()) return {};
    const Versions both{std::max(a.min, b.min), std::min(a.max, b.max)};
    return both.empty() ? Versions{} : both;
}

Versions hull(Versions a, Versions b) {
    if (a.empty()) return b;
    if (b.empty()) return a;
    return {std::min(a.min, b.min), std::max(a.max, b.max)};
}

std::string to_string(Versions v) {
    if (v.empty()) return "none";
    if (v.min == v.max) return std::to_string(v.min);
    return v.max == Versions::open ? std::to_string(v.min) + "+" : std::to_string(v.min) + "-" + std::to_string(v.max);
}

}  // namespace ottla::generator
