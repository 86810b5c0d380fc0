// SPDX-License-Identifier: Apache-2.0
// What the names of a log's files say.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ottla::broker::log::dump {

inline std::string_view base_name(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// ".log"; empty when there is none.
inline std::string_view suffix_of(std::string_view path) {
    const auto name = base_name(path);
    const auto dot = name.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(dot);
}

inline std::optional<std::int64_t> parse_number(std::string_view digits) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size() || number < 0) return std::nullopt;
    return number;
}

// "00000000000000000042.log" → 42.
inline std::optional<std::int64_t> offset_in_name(std::string_view path) {
    const auto name = base_name(path);
    return parse_number(name.substr(0, name.find('.')));
}

struct SnapshotId {
    std::int64_t end_offset = 0;
    std::int64_t epoch = 0;
};

// "00000000000000000012-0000000003.checkpoint" → 12, 3.
inline std::optional<SnapshotId> snapshot_id_in_name(std::string_view path) {
    auto name = base_name(path);
    name = name.substr(0, name.find('.'));
    const auto dash = name.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto end_offset = parse_number(name.substr(0, dash)), epoch = parse_number(name.substr(dash + 1));
    if (!end_offset || !epoch) return std::nullopt;
    return SnapshotId{*end_offset, *epoch};
}

// The segment's file beside an index.
inline std::string sibling(const std::string& path, std::string_view suffix) {
    return path.substr(0, path.size() - suffix_of(path).size()) + std::string(suffix);
}

}  // namespace ottla::broker::log::dump
