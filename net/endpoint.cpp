// SPDX-License-Identifier: Apache-2.0
#include "net/endpoint.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace ottla::net {

namespace {

Error bad(std::string_view text, std::string_view why) {
    return Error::of(ErrorCode::invalid_argument,
                     fmt::format("'{}' is not a broker address: {}; write host:port", text, why));
}

std::string_view trim(std::string_view s) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    while (!s.empty() && blank(s.front())) s.remove_prefix(1);
    while (!s.empty() && blank(s.back())) s.remove_suffix(1);
    return s;
}

// "", ":123" → port; false when it is no port.
bool parse_port(std::string_view text, std::uint16_t& port) {
    if (text.empty()) return true;
    if (text.front() != ':') return false;
    text.remove_prefix(1);
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
    return ec == std::errc{} && end == text.data() + text.size();
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text, std::uint16_t port_default) {
    std::string_view rest = trim(text);
    if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) rest.remove_prefix(scheme + 3);
    std::string_view host;
    if (rest.starts_with('[')) {
        const auto end = rest.find(']');
        if (end == std::string_view::npos) return bad(text, "the bracket is not closed");
        host = rest.substr(1, end - 1);
        rest.remove_prefix(end + 1);
    } else {
        const auto colon = rest.find(':');
        if (colon != std::string_view::npos && rest.find(':', colon + 1) != std::string_view::npos)
            return bad(text, "an IPv6 address goes into brackets");
        host = rest.substr(0, colon);
        rest.remove_prefix(host.size());
    }
    if (host.empty()) return bad(text, "the host is missing");
    if (host.find_first_of(" \t/@") != std::string_view::npos) return bad(text, "the host has a character too many");
    std::uint16_t port = port_default;
    if (!parse_port(rest, port)) return bad(text, "the port is not a number from 0 to 65535");
    return Endpoint(std::string(host), port);
}

Result<std::vector<Endpoint>> Endpoint::parse_list(std::string_view text, std::uint16_t port_default) {
    std::vector<Endpoint> list;
    for (std::string_view rest = text; !rest.empty();) {
        const auto comma = rest.find(',');
        const auto entry = trim(rest.substr(0, comma));
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
        if (entry.empty()) continue;
        auto endpoint = parse(entry, port_default);
        if (!endpoint) return endpoint.error();
        if (std::find(list.begin(), list.end(), *endpoint) == list.end()) list.push_back(std::move(*endpoint));
    }
    if (list.empty()) return Error::of(ErrorCode::invalid_argument, "the list of brokers is empty");
    return list;
}

std::string to_string(const Endpoint& e) {
    return e.host.find(':') == std::string::npos ? fmt::format("{}:{}", e.host, e.port)
                                                 : fmt::format("[{}]:{}", e.host, e.port);
}

}  // namespace ottla::net
