// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_id.hpp"

#include <limits>

namespace ottla::broker::groups {
namespace {

constexpr std::uint32_t replacement = 0xfffd;

// The code point at the start of `text`, which is not empty; takes it off.
std::uint32_t take_code_point(std::string_view& text) noexcept {
    const auto first = static_cast<std::uint8_t>(text.front());
    const std::size_t length = first < 0x80         ? 1
                               : first >> 5 == 0x06 ? 2
                               : first >> 4 == 0x0e ? 3
                               : first >> 3 == 0x1e ? 4
                                                    : 0;
    if (length == 0 || text.size() < length) {
        text.remove_prefix(1);
        return replacement;
    }
    std::uint32_t point = length == 1 ? first : first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<std::uint8_t>(text[i]);
        if (next >> 6 != 0x02) {
            text.remove_prefix(i);
            return replacement;
        }
        point = (point << 6) | (next & 0x3fU);
    }
    text.remove_prefix(length);
    return point;
}

}  // namespace

std::int32_t java_hash(std::string_view utf8) noexcept {
    std::uint32_t hash = 0;
    while (!utf8.empty()) {
        const std::uint32_t point = take_code_point(utf8);
        if (point < 0x10000) {
            hash = 31 * hash + point;
        } else {
            hash = 31 * hash + (0xd7c0U + (point >> 10));
            hash = 31 * hash + (0xdc00U + (point & 0x3ffU));
        }
    }
    return static_cast<std::int32_t>(hash);
}

std::int32_t partition_of(std::string_view group_id, std::int32_t partitions) noexcept {
    const std::int32_t hash = java_hash(group_id);
    if (hash == std::numeric_limits<std::int32_t>::min()) return 0;
    return (hash < 0 ? -hash : hash) % partitions;
}

}  // namespace ottla::broker::groups
