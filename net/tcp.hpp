// SPDX-License-Identifier: Apache-2.0
// TCP behind Transport: TCP_NODELAY, SO_REUSEADDR, never SIGPIPE.
#pragma once

#include <vector>

#include "base/log.hpp"
#include "net/timers.hpp"
#include "net/transport.hpp"

namespace ottla::net {

struct TcpOptions {
    // SO_SNDBUF and SO_RCVBUF; 0 leaves the system's choice.
    int send_buffer_bytes = 0;
    int receive_buffer_bytes = 0;
    // Keep-alive: who says nothing for so long is asked, and is gone when it is silent to `keepalive_probes` of them,
    // so far apart. Whole seconds. A half-open connection that waits for an answer, which may take minutes (JoinGroup),
    // ends after 10 to 19 s.
    bool keepalive = true;
    base::Duration keepalive_idle = std::chrono::seconds(10);
    base::Duration keepalive_interval = std::chrono::seconds(3);
    int keepalive_probes = 3;
    int backlog = 1024;
    // How long accept() waits when the process is out of file descriptors.
    base::Duration accept_pause = std::chrono::milliseconds(100);
};

class TcpTransport final : public Transport {
public:
    // `timers` must outlive what is made here.
    explicit TcpTransport(Timers& timers, base::Log log = {}, TcpOptions options = {});

    asio::awaitable<Result<std::unique_ptr<Stream>>> connect(Endpoint, base::TimePoint deadline) override;
    Result<std::unique_ptr<Listener>> listen(asio::any_io_executor, const Endpoint&) override;

private:
    Timers& timers_;
    base::Log log_;
    TcpOptions options_;
};

// Tries the addresses of a host in turn; one that does not answer leaves the others their share of the time. Errors:
// that of the last one, with its address.
asio::awaitable<Result<std::unique_ptr<Stream>>> connect_to_one_of(std::vector<asio::ip::tcp::endpoint> addresses,
                                                                   Endpoint host, Timers& timers, TcpOptions options,
                                                                   base::TimePoint deadline);
std::unique_ptr<Stream> make_tcp_stream(asio::ip::tcp::socket, const TcpOptions&);

}  // namespace ottla::net
