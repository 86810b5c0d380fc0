// SPDX-License-Identifier: Apache-2.0
// Transport: how connections come to be, at either end. TCP and the memory network implement it; clients and brokers
// get one handed in.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "net/endpoint.hpp"
#include "net/stream.hpp"

namespace ottla::net {

class Listener {
public:
    virtual ~Listener() = default;
    // The next connection, living on `executor`: a broker spreads connections over its shards with it. One accept at a
    // time. Short of file descriptors it pauses and goes on by itself. Errors: closed.
    virtual asio::awaitable<Result<std::unique_ptr<Stream>>> accept(asio::any_io_executor executor) = 0;
    // With the real port where 0 was asked for.
    virtual const Endpoint& endpoint() const = 0;
    // Ends a waiting accept. May be called again and again.
    virtual void close() noexcept = 0;
};

class Transport {
public:
    virtual ~Transport() = default;
    // Tries every address of the host in turn, on the calling coroutine's executor. Errors: resolve, transport,
    // timed_out, all naming the endpoint.
    virtual asio::awaitable<Result<std::unique_ptr<Stream>>> connect(Endpoint, base::TimePoint deadline) = 0;
    // Port 0: any free one. An empty host, "0.0.0.0" and "::" listen on all addresses. Errors: resolve, transport.
    virtual Result<std::unique_ptr<Listener>> listen(asio::any_io_executor, const Endpoint&) = 0;
};

}  // namespace ottla::net
