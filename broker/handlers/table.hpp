// SPDX-License-Identifier: Apache-2.0
// The table of APIs: one row per key, with the versions that are served and advertised and the way to its handler.
// A new API is a handler file and a row in table.cpp.
#pragma once

#include <cstdint>
#include <span>

#include <ottla/protocol/api_key.hpp>
#include <ottla/protocol/version_range.hpp>
#include "broker/handlers/handler.hpp"
#include "net/server_session.hpp"

namespace ottla::broker {

struct ApiRow {
    protocol::ApiKey key;
    protocol::VersionRange versions;  // advertised
    std::int16_t served_from;         // advertised below it, but not served: the connection closes
    awaitable<net::Reply> (*serve)(RequestContext&, const net::RequestFrame&);
};

// In the order of the keys.
std::span<const ApiRow> api_table() noexcept;
const ApiRow* find_api(protocol::ApiKey) noexcept;

}  // namespace ottla::broker
