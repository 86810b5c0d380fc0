// SPDX-License-Identifier: Apache-2.0
#include <ottla/offset.hpp>

#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace ottla::inline v0 {
namespace {

constexpr std::array<std::pair<std::string_view, Offset>, 8> words = {{
    {"beginning", Offset::beginning()},
    {"earliest", Offset::beginning()},
    {"smallest", Offset::beginning()},
    {"end", Offset::end()},
    {"latest", Offset::end()},
    {"largest", Offset::end()},
    {"stored", Offset::stored()},
    {"invalid", Offset::invalid()},
}};

bool read_count(std::string_view digits, std::int64_t& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc{} && end == digits.data() + digits.size() && out >= 0;
}

}  // namespace

Result<Offset> Offset::parse(std::string_view text) {
    for (const auto& [word, offset] : words)
        if (text == word) return offset;
    std::int64_t number = 0;
    if (read_count(text, number)) return Offset(number);
    // A tail must fit below the other places.
    constexpr std::int64_t tail_max = INT64_MAX - 2000;
    if (text.starts_with("tail(") && text.ends_with(")") && read_count(text.substr(5, text.size() - 6), number) &&
        number <= tail_max)
        return tail(number);
    return Error::of(ErrorCode::invalid_argument,
                     fmt::format("'{}' is no offset: a number from 0 up, beginning, end, stored, or tail(N)", text));
}

std::string to_string(Offset offset) {
    for (const auto& [word, value] : words)
        if (offset == value) return std::string(word);
    if (offset.is_tail()) return fmt::format("tail({})", offset.tail_count());
    return fmt::format("{}", offset.value());
}

}  // namespace ottla::inline v0
