// SPDX-License-Identifier: Apache-2.0
// A line of a log as rsyslog.conf here writes it: host, severity, seconds since 1970, tag and message, with tabs
// between. rsyslog writes a tab within any of them as #011.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace logs {

// RFC 5424, 6.2.1.
inline constexpr std::array<std::string_view, 8> severities = {"emergency", "alert",  "critical",      "error",
                                                               "warning",   "notice", "informational", "debug"};

struct LogLine {
    std::string_view host;
    int severity = 0;
    std::int64_t at = 0;
    std::string_view tag;
    std::string_view message;
};

// Views of `text`; nothing when it is no such line.
inline std::optional<LogLine> parse(std::string_view text) {
    std::array<std::string_view, 5> fields;
    for (std::size_t i = 0; i < 4; ++i) {
        const auto tab = text.find('\t');
        if (tab == text.npos) return std::nullopt;
        fields[i] = text.substr(0, tab);
        text.remove_prefix(tab + 1);
    }
    fields[4] = text;
    const auto number = [](std::string_view digits, auto& value) {
        const auto* end = digits.data() + digits.size();
        const auto read = std::from_chars(digits.data(), end, value);
        return read.ec == std::errc() && read.ptr == end;
    };
    // rsyslog keeps the space behind the tag.
    if (fields[4].starts_with(' ')) fields[4].remove_prefix(1);
    LogLine line{fields[0], 0, 0, fields[3], fields[4]};
    if (line.host.empty() || !number(fields[1], line.severity) || !number(fields[2], line.at)) return std::nullopt;
    if (line.severity < 0 || line.severity >= static_cast<int>(severities.size())) return std::nullopt;
    return line;
}

}  // namespace logs
