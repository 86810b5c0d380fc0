// SPDX-License-Identifier: Apache-2.0
#include "broker/server/dispatcher.hpp"

#include <fmt/format.h>

#include "broker/handlers/table.hpp"

namespace ottla::broker {

std::optional<protocol::VersionRange> Dispatcher::serves(protocol::ApiKey key) const {
    const auto* row = find_api(key);
    return row ? std::optional(row->versions) : std::nullopt;
}

boost::asio::awaitable<net::Reply> Dispatcher::handle(net::RequestFrame frame) {
    const auto* row = find_api(frame.key);
    if (!row || frame.version < row->served_from) {
        co_return net::Reply::close(
            Error::of(ErrorCode::unsupported_version,
                      fmt::format("{} version {} is not served", protocol::name(frame.key), frame.version)));
    }
    RequestContext context{node_, shard_, shard_.image(), frame.version};
    if (frame.header.client_id) context.client_id = *frame.header.client_id;
    context.peer = frame.session->peer();
    context.listener_name = listener_name_;
    co_return co_await row->serve(context, frame);
}

}  // namespace ottla::broker
