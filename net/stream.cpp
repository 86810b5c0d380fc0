// SPDX-License-Identifier: Apache-2.0
#include "net/stream.hpp"

#include <vector>

#include <fmt/format.h>

#include "net/chain_cursor.hpp"

namespace ottla::net {

asio::awaitable<Result<void>> write(Stream& stream, base::BufferPool& pool, protocol::Chain chain) {
    ChainCursor cursor(pool);
    cursor.push(std::move(chain));
    std::vector<asio::const_buffer> gathered;
    auto start = [&stream, &gathered](auto handler) { stream.start_write(gathered, std::move(handler)); };
    while (!cursor.empty()) {
        if (auto ready = cursor.gather(gathered); !ready) co_return ready.error();
        if (gathered.empty()) {
            auto read = cursor.wanted().read();
            if (!read) co_return read.error();
            cursor.provide(std::move(*read));
            continue;
        }
        error_code ec;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        const std::size_t written =
            co_await asio::async_initiate<decltype(token), void(error_code, std::size_t)>(start, token);
        if (ec) co_return transport_error(stream.peer(), ec);
        cursor.consume(written);
    }
    co_return ok();
}

Error transport_error(std::string_view where, const error_code& ec) {
    if (ec == asio::error::eof)
        return Error::of(ErrorCode::transport, fmt::format("{}: the other end closed the connection", where));
    const auto code = ec == asio::error::operation_aborted ? ErrorCode::cancelled
                      : ec == asio::error::timed_out       ? ErrorCode::timed_out
                                                           : ErrorCode::transport;
    return Error::of(code, fmt::format("{}: {}", where, ec.message()));
}

}  // namespace ottla::net
