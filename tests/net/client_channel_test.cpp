// SPDX-License-Identifier: Apache-2.0
#include "tests/net/kafka_pair.hpp"

namespace ottla::net {
namespace {

using namespace std::chrono_literals;

MemoryNetworkOptions slow_and_broken_up() {
    MemoryNetworkOptions options;
    options.fragment = true;
    options.delay_min = 1ms;
    options.delay_max = 5ms;
    return options;
}

TEST(ClientChannel, negotiates_and_calls) {
    KafkaPair pair(slow_and_broken_up());
    const auto channel = pair.open();
    EXPECT_EQ(channel->pick(ApiKey::metadata, {0, 12}).value(), 12);
    EXPECT_EQ(channel->pick(ApiKey::produce, {3, 20}).value(), 13);
    EXPECT_EQ(channel->api_versions().api_keys.size(), 3U);
    EXPECT_EQ(pair.ask(channel), 1);
    EXPECT_EQ(pair.ask(channel), 2);
    EXPECT_EQ(channel->in_flight(), 0U);
    channel->close();
    pair.loop.run_for(1s);
    EXPECT_EQ(pair.loop.timers.next_deadline(), std::nullopt);
}

TEST(ClientChannel, says_what_a_broker_lacks) {
    KafkaPair pair;
    pair.handler.ranges[ApiKey::metadata] = {0, 4};
    const auto channel = pair.open();
    const auto old = channel->pick(ApiKey::metadata, {9, 13});
    ASSERT_FALSE(old);
    EXPECT_EQ(old.error(), ErrorCode::unsupported_version);
    EXPECT_EQ(old.error().text(), "Metadata: broker server:9092 speaks versions 0 to 4, we 9 to 13");
    const auto none = channel->pick(ApiKey::describe_cluster, {0, 1});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error(), ErrorCode::unsupported_feature);
    channel->close();
}

TEST(ClientChannel, falls_back_when_the_broker_does_not_know_its_api_versions) {
    for (const std::int16_t newest : std::initializer_list<std::int16_t>{0, 2, 3}) {
        KafkaPair pair;
        pair.handler.ranges[ApiKey::api_versions] = {0, newest};
        const auto channel = pair.open();
        EXPECT_EQ(channel->pick(ApiKey::api_versions, {0, 4}).value(), newest);
        EXPECT_EQ(pair.handler.handled, 1);
        EXPECT_EQ(pair.ask(channel), 1);
        channel->close();
    }
}

TEST(ClientChannel, pipelines_and_matches_answers_in_order) {
    KafkaPair pair(slow_and_broken_up());
    pair.handler.overlapping = true;
    pair.handler.delay = [](int n) { return n % 2 == 1 ? 100ms : 1ms; };
    const auto channel = pair.open();
    for (int i = 0; i < 6; ++i) pair.ask_later(channel);
    pair.loop.run_for(10s);
    EXPECT_EQ(pair.outcomes, (std::vector<std::string>{"1", "2", "3", "4", "5", "6"}));
    EXPECT_GT(pair.handler.running_most, 1);
    channel->close();
}

// Sends a request of its own whenever it hears of one, some times.
class Meddler final : public ChannelObserver {
public:
    explicit Meddler(KafkaPair& pair) : pair_(pair) {}
    void on_request(const SentRequest& request) override {
        heard.push_back(request.correlation_id);
        if (const auto to = channel.lock(); to && heard.size() < 6) pair_.ask_later(to);
    }
    void on_end(const Exchange&) override {}
    std::weak_ptr<ClientChannel> channel;
    std::vector<int> heard;

private:
    KafkaPair& pair_;
};

TEST(ClientChannel, an_observer_that_sends_comes_behind_what_it_is_told_of) {
    KafkaPair pair;
    const auto meddler = std::make_shared<Meddler>(pair);
    ClientChannelOptions options;
    options.observer = meddler;
    const auto channel = pair.open(options);
    meddler->channel = channel;
    EXPECT_EQ(pair.ask(channel), 1);
    pair.loop.run_for(1s);
    EXPECT_EQ(pair.outcomes, (std::vector<std::string>{"2", "3", "4", "5"}));
    EXPECT_EQ(meddler->heard, (std::vector<int>{0, 1, 2, 3, 4, 5}));
    EXPECT_TRUE(channel->is_open());
    channel->close();
}

TEST(ClientChannel, sends_what_queues_up_in_one_write) {
    KafkaPair pair;
    const auto channel = pair.open();
    const auto before = pair.network.counts().deliveries;
    for (int i = 0; i < 20; ++i) pair.ask_later(channel);
    pair.loop.settle();
    EXPECT_EQ(pair.outcomes.size(), 20U);
    EXPECT_LE(pair.network.counts().deliveries - before, 2U + 20U);
    channel->close();
}

TEST(ClientChannel, closes_when_a_request_is_late_and_tells_the_others_why) {
    KafkaPair pair;
    pair.handler.delay = [](int) { return 1h; };
    const auto channel = pair.open();
    std::string reason;
    channel->on_close([&reason](const Error& e) { reason = e.text(); });
    pair.ask_later(channel, 60s);
    pair.ask_later(channel, 10s);
    pair.ask_later(channel, 30s);
    pair.loop.run_for(9s);
    EXPECT_TRUE(pair.outcomes.empty());
    pair.loop.run_for(2s);
    ASSERT_EQ(pair.outcomes.size(), 3U);
    EXPECT_TRUE(pair.outcomes[0].starts_with("TIMED_OUT: Metadata v12 to server:9092")) << pair.outcomes[0];
    for (const int i : {1, 2}) {
        EXPECT_TRUE(pair.outcomes[static_cast<std::size_t>(i)].starts_with("TRANSPORT: Metadata v12 to server:9092"));
        EXPECT_NE(pair.outcomes[static_cast<std::size_t>(i)].find("had no answer in time"), std::string::npos);
    }
    EXPECT_FALSE(channel->is_open());
    EXPECT_NE(reason.find("had no answer in time"), std::string::npos);
}

TEST(ClientChannel, refuses_what_comes_too_late_without_sending_it) {
    KafkaPair pair;
    const auto channel = pair.open();
    EXPECT_EQ(pair.ask(channel, 0s), static_cast<int>(ErrorCode::timed_out));
    EXPECT_EQ(pair.handler.metadata_requests, 0);
    EXPECT_TRUE(channel->is_open());
    channel->close();
    EXPECT_EQ(pair.ask(channel), static_cast<int>(ErrorCode::closed));
    std::string reason = "not told";
    channel->on_close([&reason](const Error& e) { reason = e.name(); });
    pair.loop.settle();
    EXPECT_EQ(reason, "CLOSED");
}

TEST(ClientChannel, bounds_what_is_in_flight) {
    KafkaPair pair;
    pair.handler.delay = [](int) { return 1s; };
    ClientChannelOptions options;
    options.in_flight_max = 2;
    const auto channel = pair.open(options);
    for (int i = 0; i < 3; ++i) pair.ask_later(channel);
    pair.loop.run_for(5s);
    ASSERT_EQ(pair.outcomes.size(), 3U);
    EXPECT_TRUE(pair.outcomes[0].starts_with("QUEUE_FULL: Metadata to server:9092: 2 requests are in flight"));
    EXPECT_EQ(pair.outcomes[1], "1");
    channel->close();
}

TEST(ClientChannel, posts_requests_that_have_no_answer) {
    KafkaPair pair;
    const auto channel = pair.open();
    int written = 0;
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(channel->post(ApiKey::produce, 9, protocol::Chain(Bytes::of_static("...")), pair.in(1s),
                                  [&written](const Result<void>& r, bool) { written += r ? 1 : 0; }));
    EXPECT_EQ(written, 0);
    EXPECT_EQ(channel->in_flight(), 3U);
    EXPECT_EQ(pair.ask(channel), 4);
    EXPECT_EQ(written, 3);
    EXPECT_EQ(pair.handler.metadata_requests, 4);
    pair.loop.run_for(2s);
    EXPECT_TRUE(channel->is_open()) << "what is written has no deadline any more";
    channel->close();
    EXPECT_FALSE(channel->post(ApiKey::produce, 9, {}, pair.in(1s), nullptr));
}

TEST(ClientChannel, a_cancelled_wait_leaves_the_order_of_answers_alone) {
    KafkaPair pair;
    pair.handler.delay = [](int) { return 1s; };
    const auto channel = pair.open();
    asio::cancellation_signal cancel;
    std::string first = "waiting";
    asio::co_spawn(pair.loop.io,
                   channel->exchange(ApiKey::metadata, 12, body_of(protocol::MetadataRequest(), 12), pair.in(30s)),
                   asio::bind_cancellation_slot(cancel.slot(), [&first](std::exception_ptr e, Result<Bytes> r) {
                       first = e ? "exception" : std::string(r.error().name());
                   }));
    pair.ask_later(channel);
    pair.loop.settle();
    cancel.emit(asio::cancellation_type::terminal);
    pair.loop.settle();
    EXPECT_EQ(first, "CANCELLED");
    pair.loop.run_for(5s);
    EXPECT_EQ(pair.outcomes, (std::vector<std::string>{"2"}));
    channel->close();
}

TEST(ClientChannel, names_the_broker_when_the_connection_goes) {
    KafkaPair pair;
    pair.handler.delay = [](int) { return 1h; };
    const auto channel = pair.open();
    pair.ask_later(channel);
    pair.loop.settle();
    pair.network.crash("server");
    pair.loop.settle();
    ASSERT_EQ(pair.outcomes.size(), 1U);
    EXPECT_TRUE(pair.outcomes[0].starts_with(
        "TRANSPORT: Metadata v12 to server:9092: connection to server:9092: Connection reset"))
        << pair.outcomes[0];
    const auto again = pair.try_open();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().text(), "connecting to server:9092: Connection refused");
}

TEST(ClientChannel, gives_up_on_a_black_hole_at_the_deadline) {
    KafkaPair pair;
    const auto channel = pair.open();
    pair.network.cut_one_way("server", "client");
    const auto start = pair.loop.timers.now();
    EXPECT_EQ(pair.ask(channel, 7s), static_cast<int>(ErrorCode::timed_out));
    EXPECT_EQ(pair.loop.timers.now() - start, 7s);
    EXPECT_EQ(pair.try_open().error(), ErrorCode::timed_out);
}

asio::awaitable<void> accept_raw(std::shared_ptr<Listener> listener, std::unique_ptr<Stream>& stream) {
    auto accepted = co_await listener->accept(co_await asio::this_coro::executor);
    if (accepted) stream = std::move(*accepted);
}

TEST(ClientChannel, waits_for_the_versions_of_a_silent_broker_as_long_as_it_is_told) {
    KafkaPair pair;
    auto listener = pair.server->listen(pair.loop.io.get_executor(), Endpoint("", 1));
    const std::shared_ptr<Listener> shared(std::move(*listener));
    std::unique_ptr<Stream> accepted;
    asio::co_spawn(pair.loop.io, accept_raw(shared, accepted), asio::detached);
    ClientChannelOptions options;
    options.negotiation_timeout = 3s;
    const auto start = pair.loop.timers.now();
    const auto opened = pair.loop.run(ClientChannel::open(*pair.client, pair.loop.timers, pair.pool,
                                                          Endpoint("server", 1), options, pair.in(10s), pair.log()));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->error(), ErrorCode::timed_out);
    EXPECT_EQ(pair.loop.timers.now() - start, 3s);
}

// A channel whose peer is the test.
struct RawServer {
    RawServer() {
        auto listener = pair.server->listen(pair.loop.io.get_executor(), Endpoint("", 1));
        const std::shared_ptr<Listener> shared(std::move(*listener));
        std::unique_ptr<Stream> accepted;
        asio::co_spawn(pair.loop.io, accept_raw(shared, accepted), asio::detached);
        auto stream = pair.loop.run(pair.client->connect(Endpoint("server", 1), pair.in(1s)));
        pair.loop.settle();
        peer.emplace(pair.loop, std::move(accepted));
        channel = ClientChannel::over(std::move(**stream), pair.loop.timers, pair.pool, Endpoint("server", 1), {},
                                      pair.log());
    }
    KafkaPair pair;
    std::optional<RawPeer> peer;
    std::shared_ptr<ClientChannel> channel;
};

TEST(ClientChannel, writes_the_header_that_the_version_asks_for) {
    RawServer raw;
    EXPECT_TRUE(
        raw.channel->post(ApiKey::metadata, 1, protocol::Chain(Bytes::of_static("body")), raw.pair.in(1s), nullptr));
    EXPECT_TRUE(raw.channel->post(ApiKey::metadata, 9, {}, raw.pair.in(1s), nullptr));
    raw.pair.loop.settle();
    EXPECT_EQ(raw.peer->frame()->text(), std::string_view("\0\3\0\1\0\0\0\0\0\5ottlabody", 19));
    EXPECT_EQ(raw.peer->frame()->text(), std::string_view("\0\3\0\11\0\0\0\1\0\5ottla\0", 16));
    raw.channel->close();
}

TEST(ClientChannel, closes_on_answers_that_cannot_be) {
    const struct {
        std::string_view bytes;
        const char* why;
    } table[] = {
        {{"\0\0\0\4\0\0\0\7", 8}, "correlation id 7 where 0 was due"},
        {{"\0\0\0\2\0\0", 6}, "a frame without a correlation id"},
        {{"HTTP/1.1 400 Bad Request\r\n"}, "an HTTP answer"},
        {{"\x15\x03\x03\0\2\2\x28", 7}, "a TLS alert"},
        {{"\xff\xff\xff\xff", 4}, "a frame of length -1"},
    };
    for (const auto& row : table) {
        RawServer raw;
        raw.pair.ask_later(raw.channel);
        raw.pair.loop.settle();
        raw.peer->send(row.bytes);
        ASSERT_EQ(raw.pair.outcomes.size(), 1U) << row.why;
        EXPECT_TRUE(raw.pair.outcomes[0].starts_with("TRANSPORT: Metadata v12 to server:1: broker server:1 sent"))
            << raw.pair.outcomes[0];
        EXPECT_NE(raw.pair.outcomes[0].find(row.why), std::string::npos) << raw.pair.outcomes[0];
        EXPECT_EQ(raw.pair.lines.size(), 1U);
        EXPECT_FALSE(raw.channel->is_open());
        EXPECT_TRUE(raw.peer->ended);
    }
}

TEST(ClientChannel, closes_on_an_answer_that_nobody_asked_for) {
    RawServer raw;
    raw.pair.loop.settle();
    raw.peer->send({"\0\0\0\4\0\0\0\0", 8});
    EXPECT_NE(raw.channel->reason().text().find("nobody asked for"), std::string_view::npos);
}

TEST(ClientChannel, a_body_that_cannot_be_decoded_fails_only_its_call) {
    RawServer raw;
    raw.pair.ask_later(raw.channel);
    raw.pair.loop.settle();
    raw.peer->send({"\0\0\0\5\0\0\0\0\0", 9});
    ASSERT_EQ(raw.pair.outcomes.size(), 1U);
    EXPECT_TRUE(raw.pair.outcomes[0].starts_with("BAD_MESSAGE: the answer to Metadata v12 to server:1"))
        << raw.pair.outcomes[0];
    EXPECT_TRUE(raw.channel->is_open());
    raw.channel->close();
}

TEST(ClientChannel, asks_whether_it_is_a_kafka_port_when_nothing_is_answered) {
    RawServer raw;
    raw.pair.ask_later(raw.channel);
    raw.pair.loop.settle();
    raw.peer->close();
    raw.pair.loop.settle();
    ASSERT_EQ(raw.pair.outcomes.size(), 1U);
    EXPECT_NE(raw.pair.outcomes[0].find("plaintext Kafka listener"), std::string::npos) << raw.pair.outcomes[0];
}

TEST(ClientChannel, callbacks_may_send_and_close) {
    KafkaPair pair;
    const auto channel = pair.open();
    int answers = 0;
    std::function<void()> again = [&] {
        channel->send(ApiKey::metadata, 12, body_of(protocol::MetadataRequest(), 12), pair.in(10s),
                      [&](Result<Bytes> r) {
                          EXPECT_TRUE(r);
                          if (++answers < 5)
                              again();
                          else
                              channel->close();
                      });
    };
    again();
    pair.loop.settle();
    EXPECT_EQ(answers, 5);
    EXPECT_FALSE(channel->is_open());
}

// Writes down what it is told.
class Ear final : public ChannelObserver {
public:
    void on_request(const SentRequest& r) override { said.push_back("sent " + std::to_string(r.correlation_id)); }
    void on_end(const Exchange& e) override { said.push_back("ended " + std::to_string(e.correlation_id)); }
    void on_throttle(ApiKey key, std::chrono::milliseconds time) override {
        if (time.count() > 0) said.push_back(std::string(name(key)) + " " + std::to_string(time.count()));
    }
    std::vector<std::string> said;
};

// A channel whose first answer asked for a pause of 3 s.
struct Throttled {
    Throttled() {
        pair.handler.throttle_ms[1] = 3000;
        pair.handler.asked_at = &asked_at;
        ClientChannelOptions options;
        options.observer = heard;
        channel = pair.open(options);
        EXPECT_EQ(pair.ask(channel), 1);
        began = pair.loop.timers.now();
        asked_at.clear();
        heard->said.clear();
    }
    std::shared_ptr<Ear> heard = std::make_shared<Ear>();
    std::vector<TimePoint> asked_at;
    KafkaPair pair;
    std::shared_ptr<ClientChannel> channel;
    TimePoint began;
};

TEST(ClientChannelPause, holds_what_is_sent_meanwhile_and_keeps_its_order) {
    Throttled t;
    EXPECT_EQ(t.channel->paused_until(), t.began + 3s);
    for (int i = 0; i < 3; ++i) t.pair.ask_later(t.channel);
    t.pair.loop.run_for(2900ms);
    EXPECT_TRUE(t.asked_at.empty());
    EXPECT_TRUE(t.heard->said.empty()) << "nothing is on its way";
    t.pair.loop.run_for(200ms);
    EXPECT_EQ(t.asked_at, std::vector(3, t.began + 3s));
    EXPECT_EQ(t.pair.outcomes, (std::vector<std::string>{"2", "3", "4"}));
    EXPECT_EQ(t.heard->said, (std::vector<std::string>{"sent 2", "sent 3", "sent 4", "ended 2", "ended 3", "ended 4"}));
    EXPECT_EQ(t.pair.ask(t.channel), 5);
    t.channel->close();
}

TEST(ClientChannelPause, is_told_and_not_shortened_by_an_answer_that_names_less) {
    KafkaPair pair;
    const auto heard = std::make_shared<Ear>();
    pair.handler.throttle_ms = {{1, 3000}, {2, 10}};
    ClientChannelOptions options;
    options.observer = heard;
    const auto channel = pair.open(options);
    for (int i = 0; i < 2; ++i) pair.ask_later(channel);
    pair.loop.settle();
    EXPECT_EQ(channel->paused_until(), pair.in(3s));
    EXPECT_EQ(std::ranges::count(heard->said, "Metadata 3000"), 1);
    EXPECT_EQ(std::ranges::count(heard->said, "Metadata 10"), 1);
    channel->close();
}

TEST(ClientChannelPause, a_deadline_within_it_ends_the_request_and_not_the_connection) {
    Throttled t;
    t.pair.ask_later(t.channel, 1s);
    t.pair.ask_later(t.channel, 10s);
    t.pair.ask_later(t.channel, 3s);
    t.pair.loop.run_for(2s);
    ASSERT_EQ(t.pair.outcomes.size(), 1U);
    EXPECT_TRUE(t.pair.outcomes[0].starts_with("TIMED_OUT: ")) << t.pair.outcomes[0];
    EXPECT_NE(t.pair.outcomes[0].find("throttling"), std::string::npos) << t.pair.outcomes[0];
    t.pair.loop.run_for(2s);
    ASSERT_EQ(t.pair.outcomes.size(), 3U);
    EXPECT_TRUE(t.pair.outcomes[1].starts_with("TIMED_OUT: ")) << "it ended when the pause did";
    EXPECT_EQ(t.pair.outcomes[2], "2");
    EXPECT_EQ(t.heard->said, (std::vector<std::string>{"sent 3", "ended 3"}));
    EXPECT_TRUE(t.channel->is_open());
    t.channel->close();
}

TEST(ClientChannelPause, what_is_held_hears_of_the_end_of_the_connection_and_of_nothing_before) {
    Throttled t;
    t.pair.ask_later(t.channel);
    t.pair.loop.run_for(1s);
    t.channel->close();
    t.pair.loop.run_for(5s);
    ASSERT_EQ(t.pair.outcomes.size(), 1U);
    EXPECT_TRUE(t.pair.outcomes[0].starts_with("CLOSED: ")) << t.pair.outcomes[0];
    EXPECT_TRUE(t.heard->said.empty());
    EXPECT_TRUE(t.asked_at.empty());
}

TEST(ClientChannelPause, a_held_request_that_is_cancelled_is_not_sent) {
    Throttled t;
    asio::cancellation_signal cancel;
    std::string outcome;
    asio::co_spawn(t.pair.loop.io, t.channel->call(protocol::MetadataRequest(), 12, t.pair.in(30s)),
                   asio::bind_cancellation_slot(
                       cancel.slot(), [&](std::exception_ptr e, const Result<protocol::MetadataResponse>& answer) {
                           outcome = e ? "exception" : answer ? "answer" : std::string(answer.error().name());
                       }));
    t.pair.ask_later(t.channel);
    t.pair.loop.run_for(1s);
    cancel.emit(asio::cancellation_type::terminal);
    t.pair.loop.run_for(5s);
    EXPECT_NE(outcome, "answer");
    EXPECT_NE(outcome, "");
    EXPECT_EQ(t.asked_at.size(), 1U);
    EXPECT_EQ(t.pair.outcomes, std::vector<std::string>{"2"});
    t.channel->close();
}

TEST(ClientChannelPause, is_the_brokers_business_in_answers_of_old_versions) {
    KafkaPair pair;
    pair.handler.throttle_ms[1] = 3000;
    const auto channel = pair.open();
    auto answer = pair.loop.run(channel->call(protocol::MetadataRequest(), 5, pair.in(10s)));
    ASSERT_TRUE(answer && *answer);
    EXPECT_EQ((*answer)->throttle_time_ms, 3000);
    EXPECT_EQ(pair.ask(channel), 2);
    EXPECT_LE(channel->paused_until(), pair.in(0s));
    channel->close();
}

TEST(ClientChannelPause, an_observer_that_sends_when_it_ends_comes_behind_what_was_held) {
    KafkaPair pair;
    const auto meddler = std::make_shared<Meddler>(pair);
    pair.handler.throttle_ms[1] = 3000;
    ClientChannelOptions options;
    options.observer = meddler;
    const auto channel = pair.open(options);
    EXPECT_EQ(pair.ask(channel), 1);
    for (int i = 0; i < 2; ++i) pair.ask_later(channel);
    meddler->channel = channel;
    pair.loop.run_for(4s);
    EXPECT_EQ(pair.outcomes, (std::vector<std::string>{"2", "3", "4", "5", "6"}));
    EXPECT_EQ(meddler->heard, (std::vector<int>{0, 1, 2, 3, 4, 5, 6}));
    EXPECT_TRUE(channel->is_open());
    channel->close();
}

}  // namespace
}  // namespace ottla::net
