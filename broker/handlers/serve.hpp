// SPDX-License-Identifier: Apache-2.0
// serve<Handler>: the way from the bytes of a request to the bytes of its answer, the same for every API: decode, ask
// the hook, handle, turn an error into the API's own error answer, show it to the hook, encode.
#pragma once

#include <utility>

#include <fmt/format.h>

#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>
#include "broker/handlers/handler.hpp"
#include "broker/handlers/request_hook.hpp"
#include "net/server_session.hpp"

namespace ottla::broker {

// Kafka's codes can be answered; ours (below -100) say that the connection is of no more use.
inline bool is_wire_code(ErrorCode code) noexcept { return static_cast<std::int16_t>(code) >= -1; }

template <class Message>
net::Reply encoded_reply(const Message& message, std::int16_t version) {
    protocol::Writer writer;
    if (auto written = encode(writer, message, version); !written) return net::Reply::close(written.error());
    return net::Reply::of(writer.finish());
}

template <class Handler>
awaitable<net::Reply> serve(RequestContext& context, const net::RequestFrame& frame) {
    typename Handler::Request request;
    protocol::Reader reader(frame.body);
    if (auto read = decode(reader, request, context.version); !read) co_return net::Reply::close(read.error());

    if (context.node.hook) {
        const auto verdict = co_await context.node.hook->before(context, frame.key);
        if (verdict.kind == RequestHook::Verdict::disconnect) {
            co_return net::Reply::close(Error::of(ErrorCode::closed, "disconnected by a fault script"));
        }
        if (verdict.kind == RequestHook::Verdict::answer_error) {
            co_return encoded_reply(Handler::error_answer(request, context.version, verdict.error), context.version);
        }
    }

    auto response = co_await Handler::handle(context, request);
    if (response) {
        if (!context.answer) co_return net::Reply::none();
        if constexpr (requires(RequestHook& hook) { hook.after(context, *response); }) {
            if (context.node.hook) {
                const auto verdict = co_await context.node.hook->after(context, *response);
                if (verdict.kind == RequestHook::Verdict::disconnect)
                    co_return net::Reply::close(Error::of(ErrorCode::closed, "disconnected after the work was done"));
            }
        }
        co_return encoded_reply(*response, context.version);
    }
    if (!is_wire_code(response.error().code())) co_return net::Reply::close(response.error());
    if (!context.answer) co_return net::Reply::none();
    co_return encoded_reply(Handler::error_answer(request, context.version, response.error().code()), context.version);
}

}  // namespace ottla::broker
