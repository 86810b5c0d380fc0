// SPDX-License-Identifier: Apache-2.0
// RequestHook: sees every request before its handler does, and some answers before they go. The fault scripts and the
// request log of an embedded cluster stand here, and what a simulation does to answers; a plain broker has none.
#pragma once

#include <cstdint>
#include <optional>

#include <boost/asio/awaitable.hpp>

#include <ottla/error.hpp>
#include <ottla/protocol/api_key.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::protocol {
struct MetadataResponse;
struct ProduceResponse;
}  // namespace ottla::protocol

namespace ottla::broker {

class RequestHook {
public:
    virtual ~RequestHook() = default;

    struct Verdict {
        enum Kind : std::uint8_t { pass, answer_error, disconnect } kind = pass;
        ErrorCode error = ErrorCode::none;  // for answer_error
    };
    // May wait (latency). Runs on the connection's shard.
    virtual boost::asio::awaitable<Verdict> before(RequestContext& context, protocol::ApiKey api) = 0;
    // The handler has succeeded, and its answer may still be changed, or wait: those behind it on the connection wait,
    // too. Of the verdicts only `disconnect` means something here.
    virtual boost::asio::awaitable<Verdict> after(RequestContext&, protocol::ProduceResponse&) { co_return Verdict(); }
    virtual boost::asio::awaitable<Verdict> after(RequestContext&, protocol::MetadataResponse&) { co_return Verdict(); }
};

}  // namespace ottla::broker
