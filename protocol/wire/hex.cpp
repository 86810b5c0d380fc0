// SPDX-License-Identifier: Apache-2.0
#include "protocol/wire/hex.hpp"

#include <array>

namespace ottla::protocol {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

constexpr std::array<std::int8_t, 256> digit_values = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < 16; ++i) values[static_cast<std::uint8_t>(digits[i])] = static_cast<std::int8_t>(i);
    for (std::size_t i = 10; i < 16; ++i)
        values[static_cast<std::uint8_t>(digits[i] - 'a' + 'A')] = static_cast<std::int8_t>(i);
    return values;
}();

int value_of(char c) { return digit_values[static_cast<std::uint8_t>(c)]; }

}  // namespace

void append_hex(ByteSpan bytes, std::string& out) {
    const std::size_t from = out.size();
    out.resize(from + bytes.size() * 2);
    char* to = out.data() + from;
    for (const std::uint8_t byte : bytes) {
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
}

std::optional<Bytes> parse_hex(std::string_view text) {
    Buffer out(text.size() / 2 + 1);
    for (std::size_t i = 0; i < text.size();) {
        if (std::string_view(" \t\r\n").find(text[i]) != std::string_view::npos) {
            ++i;
            continue;
        }
        const int high = value_of(text[i]);
        const int low = i + 1 < text.size() ? value_of(text[i + 1]) : -1;
        if (high < 0 || low < 0) return std::nullopt;
        const auto byte = static_cast<std::uint8_t>(high << 4 | low);
        out.append(ByteSpan(&byte, 1));
        i += 2;
    }
    return std::move(out).freeze();
}

}  // namespace ottla::protocol
