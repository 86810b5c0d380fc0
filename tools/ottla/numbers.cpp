// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/numbers.hpp"

#include <charconv>
#include <string>

#include <fmt/format.h>

namespace ottla::tools {

namespace {

template <class Number>
CLI::Validator between(Number least, Number greatest, const char* kind) {
    const auto check = [least, greatest, kind](const std::string& text) {
        Number value{};
        const char* const end = text.data() + text.size();
        const auto [stopped, error] = std::from_chars(text.data(), end, value);
        // Written so that a NaN is refused, too.
        if (error == std::errc() && stopped == end && value >= least && value <= greatest) return std::string();
        return fmt::format("'{}' is not a {} from {} to {}", text, kind, least, greatest);
    };
    return CLI::Validator(check, "");
}

}  // namespace

CLI::Validator whole_number(std::int64_t least, std::int64_t greatest) {
    return between(least, greatest, "whole number");
}

CLI::Validator number(double least, double greatest) { return between(least, greatest, "number"); }

}  // namespace ottla::tools
