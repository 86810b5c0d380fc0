// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/offsets_csv.hpp"

#include <charconv>
#include <limits>
#include <set>

#include <fmt/format.h>

namespace ottla::tools {
namespace {

// The cells of a line; no cells when a quote is not closed. No name holds a comma or a quote.
std::vector<std::string> csv_cells(std::string_view line) {
    std::vector<std::string> cells;
    for (;;) {
        const auto comma = line.find(',');
        std::string_view cell = line.substr(0, comma);
        if (cell.starts_with('"')) {
            if (cell.size() < 2 || !cell.ends_with('"')) return {};
            cell = cell.substr(1, cell.size() - 2);
        }
        cells.emplace_back(cell);
        if (comma == std::string_view::npos) return cells;
        line.remove_prefix(comma + 1);
    }
}

template <class Number>
bool read_csv_number(const std::string& text, Number& out) {
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && stopped == text.data() + text.size() && out >= 0;
}

Result<TopicPartition> csv_place(std::string_view line, std::string_view group) {
    auto cells = csv_cells(line);
    if (cells.size() == 4) {
        if (cells[0] != group)
            return Error::of(ErrorCode::invalid_argument,
                             fmt::format("it is of group '{}', not of '{}'", cells[0], group));
        cells.erase(cells.begin());
    }
    TopicPartition place;
    std::int64_t offset = 0;
    if (cells.size() != 3 || cells[0].empty() || !read_csv_number(cells[1], place.partition) ||
        !read_csv_number(cells[2], offset))
        return Error::of(ErrorCode::invalid_argument, fmt::format("'{}' is not topic,partition,offset", line));
    place.topic = cells[0];
    place.offset = offset;
    return place;
}

}  // namespace

Result<std::vector<TopicPartition>> read_offsets_csv(std::string_view text, std::string_view group) {
    std::vector<TopicPartition> places;
    std::set<std::pair<std::string, std::int32_t>> seen;
    for (int number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        auto place = csv_place(line, group);
        if (!place) return place.error().with_context(fmt::format("line {}", number));
        if (!seen.emplace(place->topic, place->partition).second)
            return Error::of(ErrorCode::invalid_argument,
                             fmt::format("line {}: {}[{}] is named twice", number, place->topic, place->partition));
        places.push_back(std::move(*place));
    }
    if (places.empty()) return Error::of(ErrorCode::invalid_argument, "there are no lines topic,partition,offset");
    return places;
}

std::string offsets_csv(std::string_view group, const std::vector<TopicPartition>& offsets) {
    const std::string before = group.empty() ? "" : fmt::format("\"{}\",", group);
    std::string text;
    for (const auto& tp : offsets)
        text += fmt::format("{}{},{},{}\n", before, tp.topic, tp.partition, tp.offset.value());
    return text;
}

}  // namespace ottla::tools
