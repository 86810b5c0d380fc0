// SPDX-License-Identifier: Apache-2.0
// What a consumer that closes tells the brokers it has fetch sessions with.
#include "tests/client/consumer_script.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

constexpr std::int32_t its_session = 7;

// Two partitions, each at a broker of its own; sessions at both.
class EndSessions : public ::testing::Test {
protected:
    EndSessions() {
        s.broker.nodes = s.other.nodes = {{1, "broker"}, {2, "other"}};
        s.broker.partitions = s.other.partitions = 2;
        s.broker.leaders = s.other.leaders = {{1, 2}};
        for (auto* broker : {&s.broker, &s.other})
            broker->spoil = [](protocol::FetchResponse& r) { r.session_id = its_session; };
        s.consumer->assign({{"t", 0, 0}, {"t", 1, 0}}).value();
        // By now each broker holds back its answer until there are records.
        s.loop.run_for(700ms);
    }
    // How long it took.
    base::Duration close(std::chrono::nanoseconds timeout) {
        const auto began = s.loop.timers.now();
        std::optional<base::TimePoint> ended;
        s.consumer->async_close(timeout, [&](const Result<void>& closed) {
            EXPECT_TRUE(closed) << to_string(closed.error());
            ended = s.loop.timers.now();
        });
        s.loop.run_for(timeout + 1s);
        EXPECT_TRUE(ended);
        return ended.value_or(base::TimePoint::max()) - began;
    }
    static bool is_over(const FetchBroker& broker) {
        return broker.last_fetch.session_id == its_session && broker.last_fetch.session_epoch == -1 &&
               broker.last_fetch.topics.empty();
    }

    ConsumerScript s{Config{{"fetch.wait.max.ms", 500}}};
};

TEST_F(EndSessions, each_broker_hears_that_its_session_is_over) {
    EXPECT_EQ(s.broker.last_fetch.session_id, its_session);
    EXPECT_LT(close(5s), 100ms) << "it does not wait for the fetch that is under way";
    EXPECT_TRUE(is_over(s.broker));
    EXPECT_TRUE(is_over(s.other));
}

TEST_F(EndSessions, a_broker_that_is_gone_is_waited_for_no_longer_than_a_fetch_waits) {
    s.network.crash("other");
    EXPECT_LE(close(5s), 500ms);
    EXPECT_TRUE(is_over(s.broker));
}

TEST_F(EndSessions, close_keeps_its_time) {
    s.network.crash("broker");
    s.network.crash("other");
    EXPECT_LE(close(20ms), 20ms);
}

TEST_F(EndSessions, who_has_none_tells_nobody) {
    for (auto* broker : {&s.broker, &s.other}) broker->spoil = [](protocol::FetchResponse& r) { r.session_id = 0; };
    s.loop.run_for(2s);
    const int before = s.broker.fetches;
    EXPECT_EQ(close(5s), 0ms);
    EXPECT_EQ(s.broker.fetches, before);
}

}  // namespace
}  // namespace ottla::client
