// SPDX-License-Identifier: Apache-2.0
#include "net/tcp.hpp"

#include <vector>

#include <netinet/tcp.h>
#include <sys/resource.h>

#include <fmt/format.h>

#include "net/alarm.hpp"
#include "net/signal.hpp"

namespace ottla::net {

namespace {

using asio::ip::tcp;

std::string text_of(const tcp::endpoint& e) { return to_string(Endpoint(e.address().to_string(), e.port())); }

class TcpStream final : public Stream {
public:
    TcpStream(tcp::socket socket, const TcpOptions& options) : socket_(std::move(socket)) {
        error_code ignored;
        if (const auto remote = socket_.remote_endpoint(ignored); !ignored) peer_ = text_of(remote);
        socket_.set_option(tcp::no_delay(true), ignored);
        if (options.keepalive) keep_alive(options);
        if (options.send_buffer_bytes > 0)
            socket_.set_option(asio::socket_base::send_buffer_size(options.send_buffer_bytes), ignored);
        if (options.receive_buffer_bytes > 0)
            socket_.set_option(asio::socket_base::receive_buffer_size(options.receive_buffer_bytes), ignored);
    }

    executor_type get_executor() override { return socket_.get_executor(); }
    void start_read(asio::mutable_buffer into, IoHandler handler) override {
        socket_.async_read_some(into, std::move(handler));
    }
    void start_write(std::span<const asio::const_buffer> from, IoHandler handler) override {
        writing_.assign(from.begin(), from.end());
        socket_.async_write_some(std::span<const asio::const_buffer>(writing_), std::move(handler));
    }
    void close() noexcept override {
        error_code ignored;
        socket_.close(ignored);
    }
    const std::string& peer() const override { return peer_; }

private:
    void keep_alive(const TcpOptions& options) {
        error_code ignored;
        socket_.set_option(asio::socket_base::keep_alive(true), ignored);
        const auto seconds = [](base::Duration d) {
            return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(d).count());
        };
        using asio::detail::socket_option::integer;
        socket_.set_option(integer<IPPROTO_TCP, TCP_KEEPIDLE>(seconds(options.keepalive_idle)), ignored);
        socket_.set_option(integer<IPPROTO_TCP, TCP_KEEPINTVL>(seconds(options.keepalive_interval)), ignored);
        socket_.set_option(integer<IPPROTO_TCP, TCP_KEEPCNT>(options.keepalive_probes), ignored);
    }

    tcp::socket socket_;
    std::vector<asio::const_buffer> writing_;
    std::string peer_;
};

// Outlives a caller who gives up: getaddrinfo cannot be interrupted.
struct Lookup {
    explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), done(executor) {}
    tcp::resolver resolver;
    Signal done;
    error_code ec;
    std::vector<tcp::endpoint> found;
};

asio::awaitable<Result<std::vector<tcp::endpoint>>> look_up(Timers& timers, Endpoint endpoint, TimePoint deadline) {
    error_code ec;
    if (const auto address = asio::ip::make_address(endpoint.host, ec); !ec)
        co_return std::vector<tcp::endpoint>{tcp::endpoint(address, endpoint.port)};
    auto lookup = std::make_shared<Lookup>(co_await asio::this_coro::executor);
    lookup->resolver.async_resolve(endpoint.host, std::to_string(endpoint.port),
                                   [lookup](error_code failed, const tcp::resolver::results_type& results) {
                                       lookup->ec = failed;
                                       for (const auto& entry : results) lookup->found.push_back(entry.endpoint());
                                       lookup->done.notify();
                                   });
    const bool in_time = co_await lookup->done.wait_until(timers, deadline);
    if (!in_time)
        co_return Error::of(ErrorCode::timed_out,
                            fmt::format("{}: the name was not resolved in time", to_string(endpoint)));
    if (lookup->ec || lookup->found.empty())
        co_return Error::of(ErrorCode::resolve,
                            fmt::format("the host name '{}' can't be resolved ({}); check bootstrap.servers and DNS",
                                        endpoint.host, lookup->ec.message()));
    co_return std::move(lookup->found);
}

bool out_of_resources(const error_code& ec) {
    return ec == asio::error::no_descriptors || ec == boost::system::errc::too_many_files_open_in_system ||
           ec == asio::error::no_buffer_space || ec == asio::error::no_memory;
}

std::string why_not_accepted(const error_code& ec) {
    struct rlimit limit {};
    if (ec != asio::error::no_descriptors || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return ec.message();
    return fmt::format(
        "{}; this process may have {} open (ulimit -n), connections among them, and all are in use: it "
        "needs one more for each client that waits",
        ec.message(), limit.rlim_cur);
}

class TcpListener final : public Listener {
public:
    TcpListener(tcp::acceptor acceptor, Endpoint endpoint, Timers& timers, base::Log log, TcpOptions options)
        : acceptor_(std::move(acceptor)),
          endpoint_(std::move(endpoint)),
          timers_(timers),
          log_(std::move(log)),
          options_(options) {}

    asio::awaitable<Result<std::unique_ptr<Stream>>> accept(asio::any_io_executor executor) override {
        bool short_of_resources = false;
        while (acceptor_.is_open()) {
            error_code ec;
            tcp::socket socket(executor);
            co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, ec));
            if (!ec) co_return make_tcp_stream(std::move(socket), options_);
            if (!acceptor_.is_open()) break;
            if (ec == asio::error::operation_aborted)
                co_return Error::of(ErrorCode::cancelled,
                                    fmt::format("{}: accepting was cancelled", to_string(endpoint_)));
            if (!out_of_resources(ec)) continue;  // that connection alone went away
            if (!std::exchange(short_of_resources, true))
                log_.error("{}: no connection can be accepted: {}", to_string(endpoint_), why_not_accepted(ec));
            co_await timers_.wait_for(options_.accept_pause);
        }
        co_return Error::of(ErrorCode::closed, fmt::format("{}: the listener is closed", to_string(endpoint_)));
    }

    const Endpoint& endpoint() const override { return endpoint_; }
    void close() noexcept override {
        error_code ignored;
        acceptor_.close(ignored);
    }

private:
    tcp::acceptor acceptor_;
    Endpoint endpoint_;
    Timers& timers_;
    base::Log log_;
    TcpOptions options_;
};

Result<tcp::endpoint> address_to_bind(asio::any_io_executor executor, const Endpoint& endpoint) {
    if (endpoint.host.empty()) return tcp::endpoint(tcp::v4(), endpoint.port);
    error_code ec;
    if (const auto address = asio::ip::make_address(endpoint.host, ec); !ec)
        return tcp::endpoint(address, endpoint.port);
    tcp::resolver resolver(std::move(executor));
    const auto results = resolver.resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::passive, ec);
    if (ec || results.empty())
        return Error::of(ErrorCode::resolve, fmt::format("cannot listen on '{}': the name can't be resolved ({})",
                                                         endpoint.host, ec.message()));
    return results.begin()->endpoint();
}

}  // namespace

std::unique_ptr<Stream> make_tcp_stream(tcp::socket socket, const TcpOptions& options) {
    return std::make_unique<TcpStream>(std::move(socket), options);
}

TcpTransport::TcpTransport(Timers& timers, base::Log log, TcpOptions options)
    : timers_(timers),
      log_(std::move(log)),
      options_(options) {}

asio::awaitable<Result<std::unique_ptr<Stream>>> TcpTransport::connect(Endpoint endpoint, base::TimePoint deadline) {
    auto addresses = co_await look_up(timers_, endpoint, deadline);
    if (!addresses) co_return addresses.error();
    co_return co_await connect_to_one_of(std::move(*addresses), std::move(endpoint), timers_, options_, deadline);
}

asio::awaitable<Result<std::unique_ptr<Stream>>> connect_to_one_of(std::vector<tcp::endpoint> addresses, Endpoint host,
                                                                   Timers& timers, TcpOptions options,
                                                                   TimePoint deadline) {
    const auto executor = co_await asio::this_coro::executor;
    Error last = Error::of(ErrorCode::transport);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const TimePoint now = timers.now();
        if (now >= deadline && i != 0) break;
        tcp::socket socket(executor);
        bool too_late = false;
        Alarm alarm(timers, executor, [&socket, &too_late] {
            too_late = true;
            error_code ignored;
            socket.close(ignored);
        });
        // An address that swallows packets leaves time for the others.
        alarm.set(now + (deadline - now) / static_cast<Duration::rep>(addresses.size() - i));
        const tcp::endpoint address = addresses[i];
        error_code ec;
        co_await socket.async_connect(address, asio::redirect_error(asio::use_awaitable, ec));
        alarm.cancel();
        if (!ec && !too_late) co_return make_tcp_stream(std::move(socket), options);
        if (too_late) ec = asio::error::timed_out;
        const auto where = host.host == address.address().to_string()
                               ? fmt::format("connecting to {}", to_string(host))
                               : fmt::format("connecting to {} ({})", to_string(host), text_of(address));
        last = transport_error(where, ec);
        if (last == ErrorCode::cancelled) break;
    }
    co_return last;
}

Result<std::unique_ptr<Listener>> TcpTransport::listen(asio::any_io_executor executor, const Endpoint& endpoint) {
    auto address = address_to_bind(executor, endpoint);
    if (!address) return address.error();
    tcp::acceptor acceptor(executor);
    error_code ec;
    acceptor.open(address->protocol(), ec);
    if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec && address->address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), ec);
    if (!ec) acceptor.bind(*address, ec);
    if (!ec) acceptor.listen(options_.backlog, ec);
    if (ec) return transport_error(fmt::format("cannot listen on {}", to_string(endpoint)), ec);
    Endpoint real(endpoint.host, acceptor.local_endpoint(ec).port());
    return std::unique_ptr<Listener>(
        std::make_unique<TcpListener>(std::move(acceptor), std::move(real), timers_, log_, options_));
}

}  // namespace ottla::net
