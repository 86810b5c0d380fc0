// SPDX-License-Identifier: Apache-2.0
// Looking up offsets at several leaders: what one of them does, or one topic lacks, is no matter of the others.
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <ottla/protocol/messages/list_offsets_request.hpp>
#include <ottla/protocol/messages/list_offsets_response.hpp>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

// Says of every partition the same offset.
class OffsetsBroker final : public ScriptedBroker {
public:
    OffsetsBroker(net::Timers& timers, std::int64_t offset) : ScriptedBroker(timers), clock_(timers), offset_(offset) {}

    base::Duration delay{0};
    ErrorCode error = ErrorCode::none;  // of all partitions
    int asked = 0;

    std::optional<VersionRange> serves(ApiKey key) const override {
        return key == ApiKey::list_offsets ? VersionRange{1, 9} : ScriptedBroker::serves(key);
    }
    asio::awaitable<net::Reply> handle(net::RequestFrame request) override {
        if (request.key != ApiKey::list_offsets) co_return co_await ScriptedBroker::handle(std::move(request));
        ++asked;
        protocol::Reader reader(request.body);
        protocol::ListOffsetsRequest wanted;
        EXPECT_TRUE(decode(reader, wanted, request.version));
        if (delay.count() > 0) co_await clock_.wait_for(delay);
        protocol::ListOffsetsResponse response;
        for (const auto& t : wanted.topics) {
            auto& topic = response.topics.emplace_back();
            topic.name = t.name;
            for (const auto& p : t.partitions) {
                auto& to = topic.partitions.emplace_back();
                to.partition_index = p.partition_index;
                to.error_code = static_cast<std::int16_t>(error);
                to.offset = offset_;
            }
        }
        protocol::Writer writer;
        EXPECT_TRUE(encode(writer, response, request.version));
        co_return net::Reply::of(writer.finish());
    }

private:
    net::Timers& clock_;
    std::int64_t offset_;
};

// Partition 0 is led by the broker `a`, all others by `b`; the one in between knows the metadata.
class TwoLeaders : public ProducerScript {
public:
    explicit TwoLeaders(Config config = {}) : ProducerScript(std::move(config)) {
        add_broker("a", a);
        add_broker("b", b);
        broker.nodes[2] = "a";
        broker.nodes[3] = "b";
        broker.leaders = {{0, 2}, {1, 3}, {2, 3}};
    }
    // What each is answered within `time`: its offset, or its error.
    std::string lookup(const std::vector<TopicAndPartition>& of, base::Duration time) {
        std::vector<TopicPartition> times;
        for (const auto& [topic, partition] : of) times.emplace_back(topic, partition, Offset(0));
        std::string said = "nothing";
        const auto began = loop.timers.now();
        producer().async_offsets_for_times(
            std::move(times), time, [&](const Result<std::vector<TopicPartition>>& found) {
                took = loop.timers.now() - began;
                said = found ? "" : to_string(found.error());
                if (!found) return;
                for (const auto& tp : *found)
                    said += (tp.error.code() == ErrorCode::none ? to_string(tp.offset) : std::string(tp.error.name())) +
                            " ";
            });
        loop.run_for(time + 1s);
        return said;
    }

    base::Duration took{0};
    OffsetsBroker a{loop.timers, 10}, b{loop.timers, 20};
};

asio::awaitable<void> lead_after(base::Duration time, TwoLeaders& script) {
    co_await script.loop.timers.wait_for(time);
    script.broker.leaders[0] = 2;
}

TEST(Offsets, of_several_leaders_come_in_the_order_of_the_questions) {
    TwoLeaders s;
    EXPECT_EQ(s.lookup({{"t", 1}, {"t", 0}, {"t", 1}}, 5s), "20 10 20 ");
    EXPECT_LT(s.took, 1s);
}

TEST(Offsets, a_topic_that_is_not_there_holds_up_no_other) {
    TwoLeaders s;
    EXPECT_EQ(s.lookup({{"nowhere", 0}, {"t", 0}, {"t", 1}}, 5s), "UNKNOWN_TOPIC_OR_PARTITION 10 20 ");
    EXPECT_EQ(s.took, 5s);
}

TEST(Offsets, a_leader_that_hangs_holds_up_no_other) {
    for (const bool first : {true, false}) {
        TwoLeaders s;
        (first ? s.a : s.b).delay = 1h;
        EXPECT_EQ(s.lookup({{"t", 0}, {"t", 1}}, 5s), first ? "TIMED_OUT 20 " : "10 TIMED_OUT ");
        EXPECT_EQ(s.took, 5s);
    }
}

TEST(Offsets, leaders_that_take_their_time_take_it_at_the_same_time) {
    TwoLeaders s;
    s.a.delay = s.b.delay = 3s;
    EXPECT_EQ(s.lookup({{"t", 0}, {"t", 1}}, 5s), "10 20 ");
    EXPECT_LT(s.took, 3500ms);
}

TEST(Offsets, a_leader_that_is_none_any_more_is_asked_no_more_often_than_the_metadata) {
    TwoLeaders s;
    s.a.error = ErrorCode::not_leader_or_follower;
    EXPECT_EQ(s.lookup({{"t", 0}, {"t", 1}}, 5s), "TIMED_OUT 20 ");
    EXPECT_GE(s.a.asked, 5);
    EXPECT_LE(s.a.asked, 51);
    EXPECT_LE(s.broker.metadata_asked, 52);
}

TEST(Offsets, of_a_partition_without_a_leader_wait_for_one) {
    TwoLeaders s;
    s.broker.leaders[0] = -1;
    EXPECT_EQ(s.lookup({{"t", 0}, {"t", 1}}, 2s), "TIMED_OUT 20 ");
    asio::co_spawn(s.loop.io, lead_after(1s, s), asio::detached);
    EXPECT_EQ(s.lookup({{"t", 0}, {"t", 1}}, 5s), "10 20 ");
    EXPECT_LT(s.took, 1500ms);
}

TEST(Offsets, of_a_partition_made_since_the_metadata_was_asked_for) {
    TwoLeaders s;
    EXPECT_EQ(s.lookup({{"t", 1}}, 5s), "20 ");
    s.broker.topics["t"] = 3;
    EXPECT_EQ(s.lookup({{"t", 2}}, 5s), "20 ");
    EXPECT_LT(s.took, 500ms);
    EXPECT_EQ(s.lookup({{"t", 3}}, 5s), "UNKNOWN_PARTITION ");
    EXPECT_LT(s.took, 500ms) << "the brokers have said so";
}

TEST(Offsets, of_a_topic_that_was_forbidden_are_asked_for_again) {
    TwoLeaders s;
    s.broker.topic_errors["t"] = ErrorCode::topic_authorization_failed;
    EXPECT_EQ(s.lookup({{"t", 1}}, 5s), "TOPIC_AUTHORIZATION_FAILED ");
    EXPECT_LT(s.took, 500ms);
    s.broker.topic_errors.clear();
    EXPECT_EQ(s.lookup({{"t", 1}}, 5s), "20 ");
}

TEST(Offsets, a_cancelled_lookup_leaves_nothing_behind) {
    TwoLeaders s;
    s.a.delay = 2s;
    EXPECT_EQ(s.lookup({{"t", 1}}, 5s), "20 ");
    asio::cancellation_signal cancel;
    std::optional<ErrorCode> code;
    s.producer().async_offsets_for_times(
        {{"t", 0, Offset(0)}, {"nowhere", 0, Offset(0)}}, 10s,
        asio::bind_cancellation_slot(cancel.slot(), [&](const Result<std::vector<TopicPartition>>& r) {
            code = r ? ErrorCode::none : r.error().code();
        }));
    s.loop.run_for(1s);
    cancel.emit(asio::cancellation_type::terminal);
    s.loop.settle();
    EXPECT_EQ(code, ErrorCode::cancelled);
    s.loop.run_for(20s);
    const int asked = s.broker.metadata_asked;
    s.loop.run_for(60s);
    EXPECT_EQ(s.broker.metadata_asked, asked) << "nobody waits for a topic any more";
}

}  // namespace
}  // namespace ottla::client
