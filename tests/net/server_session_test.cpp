// SPDX-License-Identifier: Apache-2.0
#include "tests/net/kafka_pair.hpp"

namespace ottla::net {
namespace {

using namespace std::chrono_literals;

RawPeer raw_client(KafkaPair& pair) {
    auto stream = pair.loop.run(pair.client->connect(Endpoint("server", 9092), pair.in(1s)));
    EXPECT_TRUE(stream && *stream);
    return RawPeer(pair.loop, std::move(**stream));
}

TEST(ServerSession, answers_unknown_versions_of_api_versions_with_error_35_in_the_first_layout) {
    KafkaPair pair;
    auto peer = raw_client(pair);
    peer.send_request(18, 99, 7, 2);
    const auto answer = peer.frame();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->text(), std::string_view("\0\0\0\7\0\x23\0\0\0\1\0\x12\0\0\0\4", 16));
    peer.send_request(18, 0, 8, 1);
    EXPECT_TRUE(peer.frame());
    EXPECT_FALSE(peer.ended);
}

TEST(ServerSession, writes_the_response_header_that_the_version_asks_for) {
    KafkaPair pair;
    auto peer = raw_client(pair);
    const auto ask = [&peer](std::int16_t version, int header, std::int32_t id) {
        peer.send_request(3, version, id, header, body_of(protocol::MetadataRequest(), version).flatten()->span());
        const auto answer = peer.frame();
        return answer ? std::string(answer->text().substr(0, 5)) : "nothing";
    };
    EXPECT_EQ(ask(12, 2, 1), std::string("\0\0\0\1\0", 5));
    const auto old_answer = ask(8, 1, 2);
    EXPECT_EQ(old_answer.substr(0, 4), std::string("\0\0\0\2", 4));
}

TEST(ServerSession, closes_with_one_line_on_what_it_cannot_serve) {
    const struct {
        std::string_view bytes;
        const char* line;
    } table[] = {
        {"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n", "an HTTP request"},
        {{"\x16\x03\x01\x02\0\1\0\1\xfc\3\3", 11}, "a TLS handshake"},
        {{"\xff\xff\xff\xf0zzzz", 8}, "a frame of length -16"},
        {{"\0\x10\0\1", 4}, "above the limit of 1048576"},
        {{"\0\0\0\2\0\3", 6}, "no request header"},
        {{"\0\0\0\x0a\0\x4d\0\0\0\0\0\1\xff\xff", 14}, "API key 77"},
        {{"\0\0\0\x0a\0\3\0\x63\0\0\0\1\xff\xff", 14}, "Metadata v99 is not served, only 0 to 13"},
        {{"\0\0\0\x0a\0\3\0\1\0\0\0\1\0\x7f", 14}, "RequestHeader"},
        {{"\0\0\0\x0b\0\3\0\1\0\0\0\1\xff\xff\0", 15}, "Metadata v1"},
    };
    ServerSessionOptions options;
    options.frame_bytes_max = 1 << 20;
    for (const auto& row : table) {
        KafkaPair pair({}, options);
        auto peer = raw_client(pair);
        peer.send(row.bytes);
        pair.loop.settle();
        EXPECT_TRUE(peer.ended) << row.line;
        ASSERT_EQ(pair.lines.size(), 1U) << row.line;
        EXPECT_NE(pair.lines[0].find(row.line), std::string::npos) << pair.lines[0];
        EXPECT_NE(pair.lines[0].find("client:"), std::string::npos) << pair.lines[0];
        EXPECT_TRUE(peer.received.empty());
    }
}

TEST(ServerSession, a_frame_cut_off_is_noted) {
    KafkaPair pair;
    auto peer = raw_client(pair);
    peer.send({"\0\0\0\x64GET?", 8});
    EXPECT_TRUE(pair.lines.empty());
    peer.close();
    pair.loop.settle();
    ASSERT_EQ(pair.lines.size(), 1U);
    EXPECT_NE(pair.lines[0].find("within a frame, which looks like the bytes 00 00 00 64 47"), std::string::npos)
        << pair.lines[0];
    EXPECT_TRUE(pair.sessions[0].expired());
}

TEST(ServerSession, a_frame_cut_off_by_a_reset_or_by_silence_is_noted_too) {
    ServerSessionOptions options;
    options.idle_max = 10s;
    for (const bool is_reset : {true, false}) {
        KafkaPair pair({}, options);
        auto peer = raw_client(pair);
        peer.send({"\0\0\0\x64GET?", 8});
        if (is_reset)
            pair.network.reset("client", "server");
        else
            pair.loop.run_for(11s);
        pair.loop.settle();
        ASSERT_EQ(pair.lines.size(), 1U);
        EXPECT_NE(pair.lines[0].find("within a frame, which looks like the bytes 00 00 00 64 47"), std::string::npos)
            << pair.lines[0];
        EXPECT_TRUE(pair.sessions[0].expired());
    }
}

TEST(ServerSession, a_stop_of_its_own_is_no_frame_cut_off) {
    KafkaPair pair;
    auto peer = raw_client(pair);
    peer.send({"\0\0\0\x64GET?", 8});
    pair.sessions[0].lock()->close();
    pair.loop.settle();
    EXPECT_TRUE(pair.lines.empty());
}

TEST(ServerSession, sends_the_earlier_answers_before_it_closes) {
    KafkaPair pair;
    pair.handler.delay = [](int) { return 1s; };
    auto peer = raw_client(pair);
    const auto body = body_of(protocol::MetadataRequest(), 12).flatten().value();
    peer.send_request(3, 12, 1, 2, body.span());
    peer.send("GET / HTTP/1.1\r\n");
    EXPECT_FALSE(peer.ended);
    pair.loop.run_for(2s);
    EXPECT_TRUE(peer.frame());
    EXPECT_TRUE(peer.ended);
}

TEST(ServerSession, a_handler_may_close_the_connection) {
    KafkaPair pair;
    pair.handler.fail_from = 2;
    const auto channel = pair.open();
    for (int i = 0; i < 3; ++i) pair.ask_later(channel);
    pair.loop.settle();
    ASSERT_EQ(pair.outcomes.size(), 3U);
    EXPECT_EQ(pair.outcomes[0], "1");
    EXPECT_TRUE(pair.outcomes[1].starts_with("TRANSPORT"));
    EXPECT_TRUE(pair.outcomes[2].starts_with("TRANSPORT"));
    ASSERT_EQ(pair.lines.size(), 1U);
    EXPECT_NE(pair.lines[0].find("as the test wants"), std::string::npos);
    EXPECT_TRUE(pair.sessions[0].expired());
}

TEST(ServerSession, handles_one_request_after_another_unless_they_may_overlap) {
    for (const bool overlapping : {false, true}) {
        KafkaPair pair;
        pair.handler.overlapping = overlapping;
        pair.handler.delay = [](int) { return 1s; };
        const auto channel = pair.open();
        for (int i = 0; i < 4; ++i) pair.ask_later(channel);
        pair.loop.run_for(1500ms);
        EXPECT_EQ(pair.outcomes.size(), overlapping ? 4U : 1U);
        EXPECT_EQ(pair.handler.running_most, overlapping ? 4 : 1);
        pair.loop.run_for(10s);
        EXPECT_EQ(pair.outcomes, (std::vector<std::string>{"1", "2", "3", "4"}));
        channel->close();
    }
}

TEST(ServerSession, stops_reading_when_enough_is_asked) {
    ServerSessionOptions options;
    options.requests_max = 3;
    KafkaPair pair({}, options);
    pair.handler.delay = [](int) { return 1s; };
    const auto channel = pair.open();
    for (int i = 0; i < 10; ++i) pair.ask_later(channel, 1h);
    pair.loop.run_for(100ms);
    EXPECT_EQ(pair.sessions[0].lock()->requests(), 3U);
    pair.loop.run_for(1min);
    EXPECT_EQ(pair.outcomes.size(), 10U);
    EXPECT_EQ(pair.outcomes.back(), "10");
    channel->close();
}

TEST(ServerSession, stops_reading_while_answers_are_not_read_and_closes_when_that_lasts) {
    ServerSessionOptions options;
    options.bytes_max = 100'000;
    options.idle_max = 60s;
    MemoryNetworkOptions network;
    network.window_bytes = 10'000;
    KafkaPair pair(network, options);
    pair.handler.answer_bytes = 30'000;
    auto stream = pair.loop.run(pair.client->connect(Endpoint("server", 9092), pair.in(1s)));
    const std::shared_ptr<Stream> client(std::move(**stream));
    protocol::Writer writer;
    for (int i = 0; i < 50; ++i) {
        const auto body = body_of(protocol::MetadataRequest(), 12).flatten().value();
        writer.int32(static_cast<std::int32_t>(body.size()) + 11);
        writer.int16(3);
        writer.int16(12);
        writer.int32(i);
        writer.int16(0);
        writer.int8(0);
        writer.copy(body.span());
    }
    pair.loop.run(write(*client, pair.pool, writer.finish()));
    pair.loop.run_for(30s);
    EXPECT_LE(pair.handler.metadata_requests, 5);
    EXPECT_FALSE(pair.sessions[0].expired());
    pair.loop.run_for(60s);
    EXPECT_TRUE(pair.sessions[0].expired());
}

TEST(ServerSession, closes_idle_connections_but_not_working_ones) {
    ServerSessionOptions options;
    options.idle_max = 10s;
    KafkaPair pair({}, options);
    pair.handler.delay = [](int) { return 60s; };
    const auto channel = pair.open();
    pair.ask_later(channel, 1h);
    pair.loop.run_for(59s);
    EXPECT_TRUE(channel->is_open());
    pair.loop.run_for(2s);
    EXPECT_EQ(pair.outcomes, (std::vector<std::string>{"1"}));
    pair.loop.run_for(5s);
    EXPECT_TRUE(channel->is_open());
    pair.loop.run_for(10s);
    EXPECT_FALSE(channel->is_open());
    EXPECT_TRUE(pair.sessions[0].expired());
    EXPECT_TRUE(pair.lines.empty());
}

TEST(ServerSession, takes_what_was_asked_before_the_end_of_the_connection) {
    KafkaPair pair;
    pair.handler.delay = [](int) { return 1s; };
    {
        auto peer = raw_client(pair);
        for (int i = 0; i < 3; ++i) peer.send_request(0, 9, i, 2);
        peer.send_request(3, 12, 3, 2, body_of(protocol::MetadataRequest(), 12).flatten()->span());
    }
    pair.loop.run_for(10s);
    EXPECT_EQ(pair.handler.metadata_requests, 4);
    EXPECT_TRUE(pair.sessions[0].expired());
}

TEST(ServerSession, ends_everything_when_it_is_closed_or_cancelled) {
    for (const bool cancelled : {false, true}) {
        KafkaPair pair;
        pair.handler.overlapping = true;
        pair.handler.delay = [](int) { return 1h; };
        auto stream = pair.loop.run(pair.client->connect(Endpoint("server", 9092), pair.in(1s)));
        // Not by way of the listener: this one is run here.
        auto listener = pair.server->listen(pair.loop.io.get_executor(), Endpoint("", 1));
        auto client = pair.loop.run(pair.client->connect(Endpoint("server", 1), pair.in(1s)));
        auto accepted = pair.loop.run((*listener)->accept(pair.loop.io.get_executor()));
        ASSERT_TRUE(client && *client && accepted && *accepted);
        auto session =
            ServerSession::make(std::move(**accepted), pair.loop.timers, pair.pool, pair.handler, {}, pair.log());
        asio::cancellation_signal cancel;
        bool ended = false;
        asio::co_spawn(pair.loop.io, session->run(),
                       asio::bind_cancellation_slot(cancel.slot(), [&ended](std::exception_ptr e) { ended = !e; }));
        RawPeer peer(pair.loop, std::move(**client));
        const auto body = body_of(protocol::MetadataRequest(), 12).flatten().value();
        for (int i = 0; i < 3; ++i) peer.send_request(3, 12, i, 2, body.span());
        EXPECT_EQ(pair.handler.running, 3);
        if (cancelled)
            cancel.emit(asio::cancellation_type::terminal);
        else
            session->close();
        pair.loop.settle();
        EXPECT_TRUE(ended);
        EXPECT_EQ(pair.handler.running, 0);
        EXPECT_TRUE(peer.ended);
        EXPECT_TRUE(pair.lines.empty());
        EXPECT_EQ(session.use_count(), 1);
    }
}

}  // namespace
}  // namespace ottla::net
