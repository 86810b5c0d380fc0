// SPDX-License-Identifier: Apache-2.0
// The text of JSON as Jackson prints it.
#include <array>
#include <charconv>
#include <cmath>

#include "protocol/json/message_json.hpp"

namespace ottla::protocol {
namespace {

// Bytes of the well-formed UTF-8 sequence at the start of `s`; 0 when it is not one.
std::size_t utf8_length(std::string_view s) {
    const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first < 0xf0) {
        const bool overlong = first == 0xe0 && byte(1) < 0xa0;
        const bool surrogate = first == 0xed && byte(1) >= 0xa0;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first < 0xf5) {
        const bool outside = (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90);
        return follows(1) && follows(2) && follows(3) && !outside ? 4 : 0;
    }
    return 0;
}

void append_string(std::string_view s, std::string& out) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    out += '"';
    while (!s.empty()) {
        const auto c = static_cast<unsigned char>(s[0]);
        std::size_t taken = 1;
        if (c == '"' || c == '\\') {
            out += '\\';
            out += s[0];
        } else if (c < 0x20) {
            constexpr std::string_view names = "btn?fr";  // \b is 8, \v has no name
            out += '\\';
            if (c >= 8 && c <= 13 && c != 11) {
                out += names[c - 8U];
            } else {
                out += "u00";
                out += hex[c >> 4];
                out += hex[c & 15];
            }
        } else if (c < 0x80) {
            out += s[0];
        } else if ((taken = utf8_length(s)) != 0) {
            out.append(s.substr(0, taken));
        } else {
            taken = 1;
            out += "\xef\xbf\xbd";  // what Java decodes bytes to that are not UTF-8
        }
        s.remove_prefix(taken);
    }
    out += '"';
}

// As Double.toString: plain from 10^-3 to 10^7, else d.dddE±n; always with a digit behind the point.
void append_double(double v, std::string& out) {
    if (std::isnan(v)) return void(out += "\"NaN\"");
    if (std::isinf(v)) return void(out += v < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    if (std::signbit(v)) out += '-';
    v = std::fabs(v);
    std::array<char, 40> text{};
    const bool plain = v == 0 || (v >= 1e-3 && v < 1e7);
    const auto end =
        std::to_chars(text.begin(), text.end(), v, plain ? std::chars_format::fixed : std::chars_format::scientific)
            .ptr;
    const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
    const auto exponent = digits.find('e');
    const std::string_view mantissa = digits.substr(0, exponent);
    out += mantissa;
    if (mantissa.find('.') == mantissa.npos) out += ".0";
    if (exponent == digits.npos) return;
    std::string_view power = digits.substr(exponent + 1);
    out += 'E';
    if (power.front() == '-') out += '-';
    power.remove_prefix(1);
    while (power.size() > 1 && power.front() == '0') power.remove_prefix(1);
    out += power;
}

}  // namespace

void append_text(const boost::json::value& v, std::string& out) {
    switch (v.kind()) {
        case boost::json::kind::null: out += "null"; break;
        case boost::json::kind::bool_: out += v.get_bool() ? "true" : "false"; break;
        case boost::json::kind::int64: {
            std::array<char, 24> text{};
            out.append(text.data(), std::to_chars(text.begin(), text.end(), v.get_int64()).ptr);
            break;
        }
        case boost::json::kind::uint64: out += std::to_string(v.get_uint64()); break;
        case boost::json::kind::double_: append_double(v.get_double(), out); break;
        case boost::json::kind::string: append_string({v.get_string().data(), v.get_string().size()}, out); break;
        case boost::json::kind::array: {
            char before = '[';
            for (const auto& item : v.get_array()) {
                out += std::exchange(before, ',');
                append_text(item, out);
            }
            out += v.get_array().empty() ? "[]" : "]";
            break;
        }
        case boost::json::kind::object: {
            char before = '{';
            for (const auto& field : v.get_object()) {
                out += std::exchange(before, ',');
                append_string({field.key().data(), field.key().size()}, out);
                out += ':';
                append_text(field.value(), out);
            }
            out += v.get_object().empty() ? "{}" : "}";
            break;
        }
    }
}

std::string to_text(const boost::json::value& v) {
    std::string out;
    append_text(v, out);
    return out;
}

Error detail::json_error(std::string_view message, std::int16_t version, const JsonFailure& failure) {
    std::string text = std::string(message) + " v" + std::to_string(version) + ": ";
    if (!failure.path.empty()) text += "field '" + failure.path + "' ";
    return Error::of(ErrorCode::invalid_argument, text + failure.reason);
}

}  // namespace ottla::protocol
