// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/safe_text.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

namespace ottla::tools {
namespace {

// Bytes of the character that `s`, not empty, begins with; 0: none does.
std::size_t character_bytes(std::string_view s) noexcept {
    const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(s[i]); };
    const std::uint8_t lead = at(0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    const std::size_t bytes = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (s.size() < bytes) return 0;
    for (std::size_t i = 1; i < bytes; ++i)
        if ((at(i) & 0xc0) != 0x80) return 0;
    if ((lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f)) return 0;
    if ((lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f)) return 0;
    return bytes;
}

bool is_control(std::string_view character) noexcept {
    const auto lead = static_cast<std::uint8_t>(character[0]);
    return lead < 0x20 || lead == 0x7f || (lead == 0xc2 && static_cast<std::uint8_t>(character[1]) < 0xa0);
}

void append_escaped(std::string_view bytes, std::string& to) {
    for (const char c : bytes) {
        switch (c) {
            case '\n': to += "\\n"; break;
            case '\r': to += "\\r"; break;
            case '\t': to += "\\t"; break;
            default: fmt::format_to(std::back_inserter(to), "\\x{:02x}", static_cast<std::uint8_t>(c));
        }
    }
}

}  // namespace

bool is_utf8(std::string_view s) noexcept {
    while (!s.empty()) {
        const auto bytes = character_bytes(s);
        if (bytes == 0) return false;
        s.remove_prefix(bytes);
    }
    return true;
}

std::string utf8_of(std::string_view s) {
    std::string out;
    out.reserve(s.size());
    while (!s.empty()) {
        const auto bytes = character_bytes(s);
        out += bytes == 0 ? std::string_view("\xef\xbf\xbd") : s.substr(0, bytes);
        s.remove_prefix(bytes == 0 ? 1 : bytes);
    }
    return out;
}

std::string printable(std::string_view s) {
    std::string out;
    out.reserve(s.size());
    while (!s.empty()) {
        const auto bytes = character_bytes(s);
        const auto character = s.substr(0, bytes == 0 ? 1 : bytes);
        if (bytes == 0 || is_control(character))
            append_escaped(character, out);
        else
            out += character;
        s.remove_prefix(character.size());
    }
    return out;
}

}  // namespace ottla::tools
