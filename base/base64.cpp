// SPDX-License-Identifier: Apache-2.0
#include "base/base64.hpp"

#include <array>

namespace ottla::base {
namespace {

constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> inverse(std::string_view alphabet) {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < 64; ++i) values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
    return values;
}
constexpr auto plain_inverse = inverse(plain);
constexpr auto url_inverse = inverse(url);

std::string encode(ByteSpan in, std::string_view alphabet) {
    std::string out;
    out.reserve((in.size() + 2) / 3 * 4);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const std::uint8_t byte : in) {
        bits = (bits << 8) | byte;
        for (held += 8; held >= 6; held -= 6) out += alphabet[(bits >> (held - 6)) & 63];
    }
    if (held) out += alphabet[(bits << (6 - held)) & 63];
    return out;
}

std::optional<std::string> decode(std::string_view in, const std::array<std::int8_t, 256>& values) {
    if (in.size() % 4 == 1) return std::nullopt;
    std::string out;
    out.reserve(in.size() * 3 / 4);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : in) {
        const int value = values[static_cast<std::uint8_t>(c)];
        if (value < 0) return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>((bits >> held) & 0xff);
        }
    }
    return out;
}

}  // namespace

std::string base64_encode(ByteSpan in) {
    std::string out = encode(in, plain);
    while (out.size() % 4) out += '=';
    return out;
}

std::string base64url_encode(ByteSpan in) { return encode(in, url); }

std::optional<std::string> base64_decode(std::string_view in) {
    if (in.size() % 4) return std::nullopt;
    for (int pad = 0; pad < 2 && in.ends_with('='); ++pad) in.remove_suffix(1);
    return decode(in, plain_inverse);
}

std::optional<std::string> base64url_decode(std::string_view in) { return decode(in, url_inverse); }

}  // namespace ottla::base
