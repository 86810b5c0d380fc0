// SPDX-License-Identifier: Apache-2.0
// Endpoint: where a broker listens, as users write it: "host:port", "[::1]:9092", lists separated by commas.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/result.hpp>

namespace ottla::net {

struct Endpoint {
    std::string host;
    std::uint16_t port = 0;

    Endpoint() = default;
    Endpoint(std::string host_, std::uint16_t port_) : host(std::move(host_)), port(port_) {}

    // "host", "host:port", "1.2.3.4:port", "[v6]:port", each with a leading "PLAINTEXT://" or the like, which is
    // skipped. Without a port: `port_default`. Errors: invalid_argument, quoting the text.
    static Result<Endpoint> parse(std::string_view text, std::uint16_t port_default = 9092);
    // bootstrap.servers: blanks around commas are skipped, empty entries too, repeated ones once. At least one.
    static Result<std::vector<Endpoint>> parse_list(std::string_view text, std::uint16_t port_default = 9092);

    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// "host:port", IPv6 in brackets.
std::string to_string(const Endpoint&);

}  // namespace ottla::net
