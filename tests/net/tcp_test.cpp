// SPDX-License-Identifier: Apache-2.0
// Real sockets on the loopback.
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include "base/buffer_pool.hpp"
#include "net/tcp.hpp"
#include "net/virtual_timers.hpp"

namespace ottla::net {
namespace {

using namespace std::chrono_literals;

asio::awaitable<void> echo_once(std::shared_ptr<Listener> listener, std::string& peer) {
    const auto executor = co_await asio::this_coro::executor;
    auto stream = co_await listener->accept(executor);
    if (!stream) co_return;
    peer = (*stream)->peer();
    char buffer[1000];
    error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    for (;;) {
        const auto n = co_await (*stream)->async_read_some(asio::buffer(buffer), token);
        if (ec) co_return;
        co_await asio::async_write(**stream, asio::buffer(buffer, n), token);
    }
}

asio::awaitable<void> talk(Transport& transport, Endpoint endpoint, std::string& outcome) {
    auto stream = co_await transport.connect(endpoint, base::SystemClock().now() + 5s);
    if (!stream) {
        outcome = to_string(stream.error());
        co_return;
    }
    std::string text(100'000, 'k'), back(100'000, '\0');
    error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    base::BufferPool pool(0);
    auto written = co_await write(**stream, pool, protocol::Chain(Bytes::copy_of(text)));
    if (!written) outcome = to_string(written.error());
    co_await asio::async_read(**stream, asio::buffer(back), token);
    outcome = ec ? ec.message() : back == text ? "ok" : "other bytes";
    (*stream)->close();
}

std::string talk_to(const std::string& listen_host, const std::string& connect_host) {
    asio::io_context io{1};
    SystemTimers timers;
    TcpTransport tcp(timers);
    auto listener = tcp.listen(io.get_executor(), Endpoint(listen_host, 0));
    if (!listener) return to_string(listener.error());
    const std::shared_ptr<Listener> shared(std::move(*listener));
    EXPECT_NE(shared->endpoint().port, 0);
    std::string outcome, peer;
    asio::co_spawn(io, echo_once(shared, peer), asio::detached);
    asio::co_spawn(io, talk(tcp, Endpoint(connect_host, shared->endpoint().port), outcome), asio::detached);
    io.run();
    EXPECT_EQ(peer.substr(0, peer.rfind(':')), "127.0.0.1");
    return outcome;
}

TEST(Tcp, talks_over_the_loopback) { EXPECT_EQ(talk_to("127.0.0.1", "127.0.0.1"), "ok"); }
TEST(Tcp, listens_on_all_addresses_and_resolves_names) { EXPECT_EQ(talk_to("", "localhost"), "ok"); }

TEST(Tcp, names_the_broker_that_refuses_or_is_unknown) {
    asio::io_context io{1};
    SystemTimers timers;
    TcpTransport tcp(timers);
    std::uint16_t free_port = 0;
    {
        auto listener = tcp.listen(io.get_executor(), Endpoint("127.0.0.1", 0));
        ASSERT_TRUE(listener);
        free_port = (*listener)->endpoint().port;
    }
    std::string refused, unknown;
    asio::co_spawn(io, talk(tcp, Endpoint("localhost", free_port), refused), asio::detached);
    asio::co_spawn(io, talk(tcp, Endpoint("no such host.invalid", 1), unknown), asio::detached);
    io.run();
    EXPECT_NE(refused.find(fmt::format("connecting to localhost:{}", free_port)), std::string::npos) << refused;
    EXPECT_NE(refused.find("refused"), std::string::npos) << refused;
    EXPECT_TRUE(unknown.starts_with("RESOLVE")) << unknown;
    EXPECT_NE(unknown.find("no such host.invalid"), std::string::npos) << unknown;
}

asio::awaitable<void> accept_two(std::shared_ptr<Listener> listener, std::vector<std::string>& outcomes) {
    const auto executor = co_await asio::this_coro::executor;
    for (;;) {
        auto stream = co_await listener->accept(executor);
        outcomes.push_back(stream ? "accepted" : std::string(stream.error().name()));
        if (!stream) co_return;
    }
}

using Addresses = std::vector<asio::ip::tcp::endpoint>;

asio::awaitable<void> try_them(Addresses addresses, Timers& timers, base::TimePoint deadline, std::string& outcome) {
    Endpoint host("broker.example", 9092);
    auto stream = co_await connect_to_one_of(std::move(addresses), std::move(host), timers, TcpOptions(), deadline);
    outcome = stream ? (*stream)->peer() : to_string(stream.error());
}

// Nobody listens at any of them: whoever was given them has gone.
Addresses that_refuse(asio::io_context& io, std::size_t count) {
    Addresses addresses;
    std::vector<asio::ip::tcp::acceptor> acceptors;
    for (std::size_t i = 0; i < count; ++i) {
        acceptors.emplace_back(io, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
        addresses.push_back(acceptors.back().local_endpoint());
    }
    return addresses;
}

TEST(Tcp, tries_all_addresses_of_a_host) {
    asio::io_context io{1};
    SystemTimers timers;
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
    Addresses addresses = that_refuse(io, 3);
    std::string none, last;
    asio::co_spawn(io, try_them(addresses, timers, timers.now() + 10s, none), asio::detached);
    addresses.push_back(acceptor.local_endpoint());
    asio::co_spawn(io, try_them(addresses, timers, timers.now() + 10s, last), asio::detached);
    io.run();
    EXPECT_EQ(last, fmt::format("127.0.0.1:{}", addresses.back().port()));
    EXPECT_NE(none.find(fmt::format("connecting to broker.example:9092 (127.0.0.1:{})", addresses[2].port())),
              std::string::npos)
        << none;
}

TEST(Tcp, an_address_that_is_silent_leaves_time_for_the_others) {
    asio::io_context io{1};
    VirtualTimers timers;
    // Its queue is full: whoever comes gets no answer.
    asio::ip::tcp::acceptor silent(io, asio::ip::tcp::v4());
    silent.bind({asio::ip::make_address("127.0.0.1"), 0});
    silent.listen(0);
    asio::ip::tcp::socket before(io);
    before.connect(silent.local_endpoint());
    asio::ip::tcp::acceptor good(io, {asio::ip::make_address("127.0.0.1"), 0});
    std::string outcome;
    const auto deadline = timers.now() + 60s;
    asio::co_spawn(io, try_them({silent.local_endpoint(), good.local_endpoint()}, timers, deadline, outcome),
                   asio::detached);
    timers.advance_to(timers.now());
    while (io.poll() != 0) {
    }
    timers.advance_to(deadline - 31s);
    while (io.poll() != 0) {
    }
    EXPECT_EQ(outcome, "") << "half of the time is the first one's";
    timers.advance_to(deadline - 29s);
    io.run_for(10s);
    EXPECT_EQ(outcome, fmt::format("127.0.0.1:{}", good.local_endpoint().port()));
}

TEST(Tcp, asks_who_has_been_silent_for_ten_seconds) {
    asio::io_context io{1};
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
    asio::ip::tcp::socket socket(io);
    socket.connect(acceptor.local_endpoint());
    const int fd = socket.native_handle();
    const auto stream = make_tcp_stream(std::move(socket), {});
    const auto option = [fd](int level, int name) {
        int value = -1;
        socklen_t size = sizeof value;
        EXPECT_EQ(getsockopt(fd, level, name, &value, &size), 0);
        return value;
    };
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 10);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 3);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
    stream->close();
}

TEST(Tcp, pauses_when_it_runs_out_of_descriptors) {
    asio::io_context io{1};
    SystemTimers timers;
    int lines = 0;
    TcpOptions options;
    options.accept_pause = 1ms;
    TcpTransport tcp(timers, base::Log("test", base::LogLevel::info, [&](auto, auto, auto) { ++lines; }), options);
    auto made = tcp.listen(io.get_executor(), Endpoint("127.0.0.1", 0));
    ASSERT_TRUE(made);
    const std::shared_ptr<Listener> listener(std::move(*made));
    std::vector<std::string> outcomes;
    asio::co_spawn(io, accept_two(listener, outcomes), asio::detached);
    asio::ip::tcp::socket client(io);
    client.connect({asio::ip::make_address("127.0.0.1"), listener->endpoint().port});

    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit none = before;
    none.rlim_cur = 3;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (lines == 0) io.run_one();
    for (int i = 0; i < 20; ++i) io.run_one();
    EXPECT_TRUE(outcomes.empty());
    EXPECT_EQ(lines, 1);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (outcomes.empty()) io.run_one();
    EXPECT_EQ(outcomes[0], "accepted");
    listener->close();
    io.run();
    EXPECT_EQ(outcomes.back(), "CLOSED");
}

}  // namespace
}  // namespace ottla::net
