// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <optional>

#include <gtest/gtest.h>

#include "net/alarm.hpp"
#include "net/memory_network.hpp"
#include "tests/support/virtual_loop.hpp"

namespace ottla::net {
namespace {

using namespace std::chrono_literals;
using test::VirtualLoop;

asio::awaitable<void> echo(std::unique_ptr<Stream> stream) {
    char buffer[4096];
    for (;;) {
        error_code ec;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        const auto n = co_await stream->async_read_some(asio::buffer(buffer), token);
        if (ec) co_return;
        co_await asio::async_write(*stream, asio::buffer(buffer, n), token);
        if (ec) co_return;
    }
}

asio::awaitable<void> serve_echo(std::unique_ptr<Listener> listener, int& accepted) {
    const auto executor = co_await asio::this_coro::executor;
    for (;;) {
        auto stream = co_await listener->accept(executor);
        if (!stream) co_return;
        ++accepted;
        asio::co_spawn(executor, echo(std::move(*stream)), asio::detached);
    }
}

// Sends `text` and reads as much back; the error that ended it, or "".
asio::awaitable<std::string> exchange(Stream& stream, std::string text) {
    error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await asio::async_write(stream, asio::buffer(text), token);
    if (ec) co_return ec.message();
    std::string back(text.size(), '\0');
    co_await asio::async_read(stream, asio::buffer(back), token);
    co_return ec ? ec.message() : back == text ? "" : "other bytes came back";
}

asio::awaitable<std::string> connect_and_exchange(Transport& transport, Endpoint endpoint, TimePoint deadline) {
    auto stream = co_await transport.connect(endpoint, deadline);
    if (!stream) co_return std::string(stream.error().text());
    co_return co_await exchange(**stream, "hello");
}

struct EchoNetwork {
    explicit EchoNetwork(MemoryNetworkOptions options = {}, std::uint64_t seed = 1)
        : network(loop.timers, base::Random(seed), options) {
        serve();
    }
    void serve() {
        auto listener = server->listen(loop.io.get_executor(), Endpoint("0.0.0.0", 9092));
        EXPECT_TRUE(listener);
        asio::co_spawn(loop.io, serve_echo(std::move(*listener), accepted), asio::detached);
        loop.settle();
    }
    std::unique_ptr<Stream> connect() {
        auto stream = loop.run(client->connect(Endpoint("server", 9092), TimePoint::max()));
        EXPECT_TRUE(stream && *stream);
        return std::move(**stream);
    }
    std::string try_connect(Duration patience) {
        auto text = loop.run(connect_and_exchange(*client, Endpoint("server", 9092), loop.timers.now() + patience));
        return text.value_or("(did not end)");
    }
    std::optional<std::string> try_exchange(Stream& stream, Duration patience) {
        return loop.run(exchange(stream, std::string(1000, 'x')), patience);
    }

    VirtualLoop loop;
    MemoryNetwork network;
    std::unique_ptr<Transport> client = network.host("client");
    std::unique_ptr<Transport> server = network.host("server");
    int accepted = 0;
};

TEST(MemoryNetwork, carries_bytes_in_order_in_any_pieces) {
    MemoryNetworkOptions options;
    options.fragment = true;
    options.delay_min = 1ms;
    options.delay_max = 20ms;
    EchoNetwork net(options);
    auto stream = net.connect();
    EXPECT_EQ(stream->peer(), "server:9092");
    for (int i = 0; i < 20; ++i) EXPECT_EQ(net.try_exchange(*stream, 1h), "");
    EXPECT_GT(net.network.counts().fragments, 0U);
    EXPECT_EQ(net.network.counts().bytes, 40'000U);
}

TEST(MemoryNetwork, does_the_same_for_the_same_seed) {
    const auto run = [](std::uint64_t seed) {
        MemoryNetworkOptions options;
        options.fragment = true;
        options.delay_max = 20ms;
        EchoNetwork net(options, seed);
        std::uint64_t trace = 0;
        net.network.on_event([&](const MemoryNetworkEvent& e) {
            trace = trace * 31 + e.checksum + e.kind +
                    static_cast<std::uint64_t>(net.loop.timers.now().time_since_epoch().count());
        });
        auto a = net.connect(), b = net.connect();
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(net.try_exchange(*a, 1h), "");
            EXPECT_EQ(net.try_exchange(*b, 1h), "");
        }
        return trace;
    };
    EXPECT_EQ(run(5), run(5));
    EXPECT_NE(run(5), run(6));
}

TEST(MemoryNetwork, refuses_where_nobody_listens) {
    EchoNetwork net;
    const auto text = net.loop.run(connect_and_exchange(*net.client, Endpoint("server", 1), TimePoint::max()));
    EXPECT_EQ(text, "connecting to server:1: Connection refused");
    EXPECT_FALSE(net.server->listen(net.loop.io.get_executor(), Endpoint("", 9092)));
    auto other = net.server->listen(net.loop.io.get_executor(), Endpoint("", 0));
    ASSERT_TRUE(other);
    EXPECT_NE((*other)->endpoint().port, 0);
}

TEST(MemoryNetwork, holds_bytes_back_while_a_link_is_cut) {
    EchoNetwork net;
    auto stream = net.connect();
    for (const bool both : {true, false}) {
        if (both)
            net.network.cut("client", "server");
        else
            net.network.cut_one_way("server", "client");
        std::string result = "pending";
        asio::co_spawn(net.loop.io, exchange(*stream, "held"), [&](std::exception_ptr, std::string r) { result = r; });
        net.loop.run_for(1h);
        EXPECT_EQ(result, "pending");
        EXPECT_NE(net.try_connect(30s), "");
        net.network.heal("client", "server");
        net.loop.run_for(1s);
        EXPECT_EQ(result, "");
    }
    EXPECT_GT(net.network.counts().held_back, 0U);
}

TEST(MemoryNetwork, connects_when_the_link_heals_in_time) {
    EchoNetwork net;
    net.network.cut("client", "server");
    Alarm heal(net.loop.timers, net.loop.io.get_executor(), [&net] { net.network.heal_all(); });
    heal.set(net.loop.timers.now() + 10s);
    EXPECT_EQ(net.try_connect(30s), "");
}

TEST(MemoryNetwork, resets_both_ends) {
    EchoNetwork net;
    auto stream = net.connect();
    EXPECT_TRUE(net.network.reset_one("server", "client"));
    EXPECT_EQ(net.try_exchange(*stream, 1h), "Broken pipe");
    EXPECT_EQ(net.network.reset("client", "elsewhere"), 0U);
}

TEST(MemoryNetwork, tells_the_end_after_all_bytes) {
    EchoNetwork net;
    auto stream = net.connect();
    EXPECT_EQ(net.try_exchange(*stream, 1h), "");
    stream->close();
    net.loop.settle();
    EXPECT_EQ(net.network.counts().resets, 0U);
}

TEST(MemoryNetwork, a_crashed_host_resets_and_comes_back) {
    EchoNetwork net;
    auto stream = net.connect();
    net.network.crash("server");
    EXPECT_EQ(net.try_exchange(*stream, 1h), "Broken pipe");
    EXPECT_EQ(net.try_connect(30s), "connecting to server:9092: Connection refused");
    net.loop.settle();
    net.serve();
    EXPECT_EQ(net.try_connect(30s), "");
}

TEST(MemoryNetwork, a_host_without_power_says_nothing_until_it_is_back) {
    EchoNetwork net;
    auto stream = net.connect();
    net.network.crash("server", true);
    EXPECT_EQ(net.try_exchange(*stream, 1h), std::nullopt);
    EXPECT_GT(net.network.counts().lost, 0U);
    net.serve();
    EXPECT_EQ(net.try_exchange(*stream, 1h).value_or("").empty(), false);
    EXPECT_EQ(net.try_connect(30s), "");
}

// Waits for what the server has to say, which loses its power; then, perhaps, says something itself.
struct HalfOpen : EchoNetwork {
    explicit HalfOpen(std::string_view text = {}) : stream(connect()) {
        network.crash("server", true);
        if (!text.empty()) asio::async_write(*stream, asio::buffer(text), [](error_code, std::size_t) {});
        stream->async_read_some(asio::buffer(got), [this](error_code ec, std::size_t) { ended = ec; });
    }
    std::array<char, 10> got{};
    std::unique_ptr<Stream> stream;
    std::optional<error_code> ended;
};

TEST(MemoryNetwork, keep_alive_gives_up_on_a_host_without_power) {
    HalfOpen half;
    half.loop.run_for(18s);
    EXPECT_FALSE(half.ended);
    half.loop.run_for(4s);
    EXPECT_TRUE(half.ended && *half.ended);
}

TEST(MemoryNetwork, keep_alive_finds_that_a_host_has_begun_anew) {
    HalfOpen half;
    half.loop.run_for(1s);
    half.serve();
    half.loop.run_for(8s);
    EXPECT_FALSE(half.ended);
    half.loop.run_for(4s);
    EXPECT_TRUE(half.ended && *half.ended);
}

TEST(MemoryNetwork, what_a_host_without_power_did_not_acknowledge_is_sent_until_it_is_back) {
    HalfOpen half("hello");
    half.loop.run_for(1h);
    EXPECT_FALSE(half.ended);
    half.serve();
    half.loop.run_for(3s);
    EXPECT_TRUE(half.ended && *half.ended);
}

TEST(MemoryNetwork, makes_a_writer_wait_for_its_reader) {
    VirtualLoop loop;
    MemoryNetworkOptions options;
    options.window_bytes = 1000;
    MemoryNetwork network(loop.timers, base::Random(1), options);
    const auto a = network.host("a");
    auto listener = a->listen(loop.io.get_executor(), Endpoint("", 1));
    auto client = loop.run(a->connect(Endpoint("localhost", 1), TimePoint::max()));
    auto server = loop.run((*listener)->accept(loop.io.get_executor()));
    ASSERT_TRUE(client && *client && server && *server);
    std::string text(5000, 'x'), got(5000, '\0');
    std::size_t written = 0;
    asio::async_write(***client, asio::buffer(text), [&](error_code, std::size_t n) { written = n; });
    loop.run_for(1h);
    EXPECT_EQ(written, 0U);
    asio::async_read(***server, asio::buffer(got), [](error_code, std::size_t) {});
    loop.run_for(1s);
    EXPECT_EQ(written, 5000U);
    EXPECT_EQ(got, text);
}

TEST(MemoryNetwork, cancels_a_read_and_an_accept) {
    EchoNetwork net;
    auto stream = net.connect();
    asio::cancellation_signal cancel;
    char byte;
    error_code result;
    stream->async_read_some(
        asio::buffer(&byte, 1),
        asio::bind_cancellation_slot(cancel.slot(), [&](error_code ec, std::size_t) { result = ec; }));
    cancel.emit(asio::cancellation_type::total);
    net.loop.settle();
    EXPECT_EQ(result, asio::error::operation_aborted);
    EXPECT_EQ(net.try_exchange(*stream, 1h), "");
}

}  // namespace
}  // namespace ottla::net
