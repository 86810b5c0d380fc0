// SPDX-License-Identifier: Apache-2.0
// What the tests of both ends of a connection share: a handler whose behaviour a test sets, served on a memory
// network, and a peer that is driven byte by byte.
#pragma once

#include <deque>
#include <functional>

#include <gtest/gtest.h>
#include <ottla/protocol/messages/api_versions_request.hpp>
#include <ottla/protocol/messages/api_versions_response.hpp>
#include <ottla/protocol/messages/metadata_request.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>

#include "net/client_channel.hpp"
#include "net/memory_network.hpp"
#include "net/server_session.hpp"
#include "tests/support/virtual_loop.hpp"

namespace ottla::net {

using protocol::ApiKey;
using protocol::VersionRange;

template <class Message>
protocol::Chain body_of(const Message& message, std::int16_t version) {
    protocol::Writer writer;
    EXPECT_TRUE(encode(writer, message, version));
    return writer.finish();
}

// Serves ApiVersions and Metadata, which answers with a controller id of 1, 2, 3, …; Produce has no answer.
class TestHandler : public RequestHandler {
public:
    explicit TestHandler(Timers& timers) : timers_(timers) {}

    std::optional<VersionRange> serves(ApiKey key) const override {
        const auto found = ranges.find(key);
        return found == ranges.end() ? std::nullopt : std::optional(found->second);
    }

    asio::awaitable<Reply> handle(RequestFrame request) override {
        ++handled;
        struct Running {
            explicit Running(TestHandler& h) : handler(h) {
                handler.running_most = std::max(handler.running_most, ++handler.running);
            }
            ~Running() { --handler.running; }
            TestHandler& handler;
        } now_running(*this);
        if (request.key == ApiKey::api_versions) {
            protocol::ApiVersionsResponse response;
            for (const auto& [key, range] : ranges) {
                auto& api = response.api_keys.emplace_back();
                api.api_key_ = static_cast<std::int16_t>(key);
                api.min_version = range.min;
                api.max_version = range.max;
            }
            co_return Reply::of(body_of(response, request.version));
        }
        const int number = ++metadata_requests;
        if (delay) co_await timers_.wait_for(delay(number));
        if (request.key == ApiKey::produce) co_return Reply::none();
        protocol::Reader reader(request.body);
        protocol::MetadataRequest asked;
        if (auto decoded = decode(reader, asked, request.version); !decoded) co_return Reply::close(decoded.error());
        if (fail_from != 0 && number >= fail_from)
            co_return Reply::close(Error::of(ErrorCode::failed, "as the test wants"));
        protocol::MetadataResponse response;
        response.controller_id = number;
        if (asked_at) asked_at->push_back(timers_.now());
        if (const auto throttled = throttle_ms.find(number); throttled != throttle_ms.end())
            response.throttle_time_ms = throttled->second;
        if (answer_bytes != 0) response.cluster_id = std::string(answer_bytes, 'c');
        co_return Reply::of(body_of(response, request.version));
    }
    bool overlaps(ApiKey key) const override { return overlapping || RequestHandler::overlaps(key); }

    std::map<ApiKey, VersionRange> ranges{
        {ApiKey::produce, {0, 13}}, {ApiKey::metadata, {0, 13}}, {ApiKey::api_versions, {0, 4}}};
    std::function<Duration(int)> delay;
    int fail_from = 0;
    std::map<int, std::int32_t> throttle_ms;  // what the answer of this number asks for
    std::vector<TimePoint>* asked_at = nullptr;
    std::size_t answer_bytes = 0;
    bool overlapping = false;
    int handled = 0, metadata_requests = 0, running = 0, running_most = 0;

private:
    Timers& timers_;
};

inline asio::awaitable<void> serve_sessions(std::unique_ptr<Listener> listener, Timers& timers, base::BufferPool& pool,
                                            RequestHandler& handler, ServerSessionOptions options, base::Log log,
                                            std::vector<std::weak_ptr<ServerSession>>& sessions) {
    const auto executor = co_await asio::this_coro::executor;
    for (;;) {
        auto stream = co_await listener->accept(executor);
        if (!stream) co_return;
        auto session = ServerSession::make(std::move(*stream), timers, pool, handler, options, log);
        sessions.push_back(session);
        asio::co_spawn(executor, session->run(), asio::detached);
    }
}

struct KafkaPair {
    explicit KafkaPair(MemoryNetworkOptions network_options = {}, ServerSessionOptions session_options = {})
        : options(session_options),
          network(loop.timers, base::Random(42), network_options),
          handler(loop.timers) {
        serve();
    }
    ~KafkaPair() {
        for (const auto& weak : sessions)
            if (const auto session = weak.lock()) session->close();
        loop.settle();
    }

    void serve() {
        auto listener = server->listen(loop.io.get_executor(), Endpoint("", 9092));
        EXPECT_TRUE(listener);
        asio::co_spawn(loop.io,
                       serve_sessions(std::move(*listener), loop.timers, pool, handler, options, log(), sessions),
                       asio::detached);
        loop.settle();
    }
    base::Log log() {
        return base::Log("net", base::LogLevel::info,
                         [this](auto, auto, std::string_view text) { lines.emplace_back(text); });
    }
    TimePoint in(Duration time) const { return loop.timers.now() + time; }

    Result<std::shared_ptr<ClientChannel>> try_open(ClientChannelOptions channel_options = {}) {
        auto opened = loop.run(ClientChannel::open(*client, loop.timers, pool, Endpoint("server", 9092),
                                                   std::move(channel_options), in(std::chrono::seconds(10)), log()));
        EXPECT_TRUE(opened) << "open() did not end";
        return std::move(*opened);
    }
    std::shared_ptr<ClientChannel> open(ClientChannelOptions channel_options = {}) {
        auto opened = try_open(std::move(channel_options));
        EXPECT_TRUE(opened) << opened.error().text();
        return *opened;
    }
    // The controller id of a Metadata answer, or the negative code of the error.
    int ask(const std::shared_ptr<ClientChannel>& channel, Duration patience = std::chrono::seconds(30)) {
        auto answer = loop.run(channel->call(protocol::MetadataRequest(), 12, in(patience)));
        EXPECT_TRUE(answer) << "call() did not end";
        return *answer ? (*answer)->controller_id : -std::abs(static_cast<int>(answer->error().code()));
    }
    // Asks without waiting; the outcome is appended to `outcomes`.
    void ask_later(const std::shared_ptr<ClientChannel>& channel, Duration patience = std::chrono::seconds(30)) {
        asio::co_spawn(loop.io, channel->call(protocol::MetadataRequest(), 12, in(patience)),
                       [this](std::exception_ptr error, Result<protocol::MetadataResponse> answer) {
                           outcomes.push_back(error    ? "exception"
                                              : answer ? std::to_string(answer->controller_id)
                                                       : to_string(answer.error()));
                       });
    }

    ServerSessionOptions options;
    test::VirtualLoop loop;
    base::BufferPool pool{1 << 20};
    MemoryNetwork network;
    std::unique_ptr<Transport> client = network.host("client");
    std::unique_ptr<Transport> server = network.host("server");
    TestHandler handler;
    std::vector<std::string> lines;
    std::vector<std::string> outcomes;
    std::vector<std::weak_ptr<ServerSession>> sessions;
};

// A peer that sends and expects bytes as the test says.
class RawPeer {
public:
    explicit RawPeer(test::VirtualLoop& loop, std::unique_ptr<Stream> stream)
        : loop_(loop),
          stream_(std::move(stream)) {
        asio::co_spawn(loop_.io, read_all(stream_, received, ended), asio::detached);
    }
    ~RawPeer() { stream_->close(); }

    void send(std::string_view bytes) {
        auto sent = loop_.run(write(*stream_, pool_, protocol::Chain(Bytes::copy_of(bytes))));
        EXPECT_TRUE(sent && *sent);
        loop_.settle();
    }
    void send_frame(ByteSpan body) {
        protocol::Writer writer;
        writer.int32(static_cast<std::int32_t>(body.size()));
        writer.copy(body);
        send(writer.finish().flatten()->text());
    }
    // Header version 1 or 2 with the client id "raw"; no body.
    void send_request(int key, int version, std::int32_t id, int header_version, ByteSpan body = {}) {
        protocol::Writer writer;
        writer.int16(static_cast<std::int16_t>(key));
        writer.int16(static_cast<std::int16_t>(version));
        writer.int32(id);
        writer.int16(3);
        writer.copy(as_bytes("raw"));
        if (header_version == 2) writer.unsigned_varint(0);
        writer.copy(body);
        send_frame(writer.finish().flatten()->span());
    }
    void close() { stream_->close(); }
    // The next whole frame received, if there is one.
    std::optional<Bytes> frame() {
        if (received.size() < 4) return std::nullopt;
        protocol::Reader reader(as_bytes(std::string_view(received).substr(0, 4)));
        const auto size = static_cast<std::size_t>(reader.int32());
        if (received.size() < 4 + size) return std::nullopt;
        Bytes frame = Bytes::copy_of(std::string_view(received).substr(4, size));
        received.erase(0, 4 + size);
        return frame;
    }

    std::string received;
    bool ended = false;

private:
    static asio::awaitable<void> read_all(std::shared_ptr<Stream> stream, std::string& into, bool& ended) {
        char buffer[4096];
        for (;;) {
            error_code ec;
            const auto n =
                co_await stream->async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, ec));
            if (ec == asio::error::operation_aborted) co_return;
            if (ec) {
                ended = true;
                co_return;
            }
            into.append(buffer, n);
        }
    }

    test::VirtualLoop& loop_;
    base::BufferPool pool_{0};
    std::shared_ptr<Stream> stream_;
};

}  // namespace ottla::net
