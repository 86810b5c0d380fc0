// SPDX-License-Identifier: Apache-2.0
// UTF-8 as Java sees it: in UTF-16 units; bytes that are no UTF-8 count as U+FFFD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ottla::broker::groups {

// The code point at the start of `text`, which is not empty; takes it off.
inline std::uint32_t take_code_point(std::string_view& text) noexcept {
    constexpr std::uint32_t replacement = 0xfffd;
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

// `take` gets the units, one after the other.
template <class Take>
void for_each_utf16_unit(std::string_view utf8, Take take) {
    while (!utf8.empty()) {
        const std::uint32_t point = take_code_point(utf8);
        if (point < 0x10000) {
            take(static_cast<std::uint16_t>(point));
        } else {
            take(static_cast<std::uint16_t>(0xd7c0U + (point >> 10)));
            take(static_cast<std::uint16_t>(0xdc00U + (point & 0x3ffU)));
        }
    }
}

}  // namespace ottla::broker::groups
