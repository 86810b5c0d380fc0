// SPDX-License-Identifier: Apache-2.0
// A producer with acks=0: a record is reported when its bytes have been written to the connection, and not before.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

Config without_acks() { return Config{{"acks", "0"}, {"linger.ms", 0}, {"batch.num.messages", 10}}; }

// A connection that takes so many bytes, and more only once they have been read.
class NarrowScript : public ProducerScript {
public:
    explicit NarrowScript(Config config = without_acks()) : ProducerScript(std::move(config)) {
        EXPECT_TRUE(produce(0, "first"));
        loop.run_for(1s);
        EXPECT_EQ(codes, Codes(1));
        auto narrow = network.options();
        narrow.window_bytes = 300;
        network.set_options(narrow);
    }
    void produce_many(int count) {
        for (int i = 0; i < count; ++i) {
            const std::string value = std::to_string(i);
            EXPECT_TRUE(produce(0, value));
            expected.push_back(value);
        }
    }
    Lines expected{"first"};
};

TEST(ProducerWithoutAcks, close_waits_until_all_is_written) {
    NarrowScript s;
    s.network.cut("client", "broker");
    s.produce_many(500);
    std::optional<bool> closed;
    s.producer().async_close(30s, [&](const Result<void>& r) { closed = r.has_value(); });
    s.loop.run_for(5s);
    EXPECT_FALSE(closed);
    s.network.heal_all();
    s.loop.run_for(5s);
    EXPECT_EQ(closed, true);
    EXPECT_EQ(s.broker.log[p0], s.expected);
    EXPECT_EQ(s.codes, Codes(501));
}

TEST(ProducerWithoutAcks, flush_counts_what_is_not_written) {
    NarrowScript s;
    s.network.cut("client", "broker");
    s.produce_many(500);
    std::size_t left = 0;
    s.producer().async_flush(2s, [&](const Result<std::size_t>& r) { left = r ? *r : 0; });
    s.loop.run_for(3s);
    EXPECT_GT(left, 400U);
    EXPECT_EQ(s.producer().size(), left) << "they take up room in the queue";
    s.network.heal_all();
    s.producer().async_flush(2s, [&](const Result<std::size_t>& r) { left = r ? *r : 500; });
    s.loop.run_for(1s);
    EXPECT_EQ(left, 0U);
}

// What the connection had taken is lost, as acks=0 has it, and was reported; the rest comes by the next connection.
TEST(ProducerWithoutAcks, what_a_broken_connection_had_not_taken_is_sent_again) {
    NarrowScript s;
    s.network.cut("client", "broker");
    s.produce_many(500);
    s.loop.run_for(1s);
    const std::size_t written = s.codes.size();
    EXPECT_LT(written, 100U);
    s.network.reset("client", "broker");
    s.network.heal_all();
    s.loop.run_for(10s);
    EXPECT_EQ(s.codes, Codes(501));
    Lines arrived{"first"};
    arrived.insert(arrived.end(), s.expected.begin() + static_cast<std::ptrdiff_t>(written), s.expected.end());
    EXPECT_EQ(s.broker.log[p0], arrived) << "each once, in order";
}

TEST(ProducerWithoutAcks, a_connection_that_takes_nothing_is_given_up_after_its_time) {
    Config config = without_acks();
    ASSERT_TRUE(config.set("socket.timeout.ms", 2000));
    NarrowScript s(config);
    s.network.cut("client", "broker");
    s.produce_many(500);
    s.loop.run_for(1900ms);
    EXPECT_LT(s.codes.size(), 100U);
    EXPECT_EQ(s.connections, 1);
    s.loop.run_for(200ms);
    s.network.heal_all();
    s.loop.run_for(10s);
    EXPECT_EQ(s.connections, 2);
    EXPECT_EQ(s.codes, Codes(501));
}

TEST(ProducerWithoutAcks, what_never_left_is_not_persisted) {
    Config config = without_acks();
    ASSERT_TRUE(config.set("retries", 0));
    NarrowScript s(config);
    const std::string large(1000, 'l');
    s.network.cut("client", "broker");
    ASSERT_TRUE(s.produce(0, large));
    s.loop.settle();
    ASSERT_TRUE(s.produce(1, "behind"));
    s.loop.settle();
    s.network.reset("client", "broker");
    s.loop.settle();
    EXPECT_EQ(s.codes, (Codes{ErrorCode::none, ErrorCode::transport, ErrorCode::transport}));
    EXPECT_EQ(s.statuses[2], DeliveryStatus::not_persisted);
}

// An error has no answer: the broker closes the connection, and the producer asks who leads.
TEST(ProducerWithoutAcks, goes_on_when_the_broker_closes_the_connection) {
    ProducerScript s(without_acks());
    ASSERT_TRUE(s.produce(0, "a"));
    s.loop.run_for(1s);
    const int asked = s.broker.metadata_asked;
    s.broker.reactions = {lost_request()};
    ASSERT_TRUE(s.produce(0, "lost"));
    s.loop.run_for(1s);
    EXPECT_GT(s.broker.metadata_asked, asked);
    ASSERT_TRUE(s.produce(0, "b"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.broker.log[p0], (Lines{"a", "b"}));
    EXPECT_EQ(s.codes, Codes(3)) << "nobody hears of what is lost behind the socket";
    EXPECT_EQ(s.connections, 2);
}

}  // namespace
}  // namespace ottla::client
