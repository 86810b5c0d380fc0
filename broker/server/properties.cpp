// SPDX-License-Identifier: Apache-2.0
#include "broker/server/properties.hpp"

#include <charconv>

#include <fmt/format.h>

namespace ottla::broker {
namespace {

constexpr std::string_view blanks = " \t\f";

std::string_view without_leading_blanks(std::string_view s) {
    const auto from = s.find_first_not_of(blanks);
    return from == s.npos ? std::string_view{} : s.substr(from);
}

bool is_continued(std::string_view line) {
    std::size_t backslashes = 0;
    while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
    return backslashes % 2 == 1;
}

void append_utf8(std::string& out, unsigned code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0 | (code >> 6));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        out += static_cast<char>(0xe0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    }
}

// Nothing when the escape at the front of `s` (after the backslash) is broken; else what it used of `s`.
std::size_t unescape_one(std::string_view s, std::string& out) {
    switch (s[0]) {
        case 't': out += '\t'; return 1;
        case 'n': out += '\n'; return 1;
        case 'r': out += '\r'; return 1;
        case 'f': out += '\f'; return 1;
        case 'u': {
            unsigned code = 0;
            if (s.size() < 5 || std::from_chars(s.data() + 1, s.data() + 5, code, 16).ptr != s.data() + 5) return 0;
            append_utf8(out, code);
            return 5;
        }
        default: out += s[0]; return 1;
    }
}

Result<std::string> unescape(std::string_view s, std::size_t line) {
    std::string out;
    for (std::size_t i = 0; i < s.size(); ++i) {
        if (s[i] != '\\' || i + 1 == s.size()) {
            out += s[i];
            continue;
        }
        const auto used = unescape_one(s.substr(i + 1), out);
        if (used == 0) return Error::of(ErrorCode::invalid_config, fmt::format("line {}: a broken \\u escape", line));
        i += used;
    }
    return out;
}

// Where the key ends: at the first separator that is not escaped.
std::size_t end_of_key(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\') {
            ++i;
        } else if (line[i] == '=' || line[i] == ':' || blanks.find(line[i]) != blanks.npos) {
            return i;
        }
    }
    return line.size();
}

std::string_view value_after(std::string_view rest) {
    rest = without_leading_blanks(rest);
    if (!rest.empty() && (rest[0] == '=' || rest[0] == ':')) rest = without_leading_blanks(rest.substr(1));
    return rest;
}

}  // namespace

Result<Properties> parse_properties(std::string_view text) {
    Properties all;
    std::string logical;
    std::size_t number = 0;
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text = end == text.npos ? std::string_view{} : text.substr(end + 1);
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        line = without_leading_blanks(line);
        if (logical.empty() && (line.empty() || line[0] == '#' || line[0] == '!')) continue;
        if (is_continued(line) && !text.empty()) {
            logical += line.substr(0, line.size() - 1);
            continue;
        }
        logical += line;
        const auto key_end = end_of_key(logical);
        auto key = unescape(std::string_view(logical).substr(0, key_end), number);
        if (!key) return key.error();
        auto value = unescape(value_after(std::string_view(logical).substr(key_end)), number);
        if (!value) return value.error();
        while (value->ends_with(' ') || value->ends_with('\t')) value->pop_back();
        all.insert_or_assign(std::move(*key), std::move(*value));
        logical.clear();
    }
    return all;
}

Result<std::pair<std::string, std::string>> parse_override(std::string_view argument) {
    const auto equals = argument.find('=');
    if (equals == argument.npos || equals == 0) {
        return Error::of(ErrorCode::invalid_config, fmt::format("'{}' is not of the form key=value", argument));
    }
    return std::pair<std::string, std::string>(argument.substr(0, equals), argument.substr(equals + 1));
}

}  // namespace ottla::broker
