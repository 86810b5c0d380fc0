// SPDX-License-Identifier: Apache-2.0
// unsubscribe() of a consumer with a thread of its own, against a real broker in this process.
#include <gtest/gtest.h>
#include <ottla/broker/cluster.hpp>
#include <ottla/consumer.hpp>

namespace ottla {
namespace {

using namespace std::chrono_literals;

class Unsubscribe : public ::testing::Test {
protected:
    Unsubscribe() { cluster.create_topic("t", 2).value(); }
    Consumer member() {
        return Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"group.id", "g"}}).value();
    }
    static void until_assigned(Consumer& c) {
        for (int i = 0; i < 100 && c.assignment().empty(); ++i) c.poll(100ms);
        ASSERT_EQ(c.assignment().size(), 2U);
    }

    broker::Cluster cluster = broker::Cluster::start().value();
};

TEST_F(Unsubscribe, gives_back_in_the_call) {
    auto c = member();
    std::size_t given_back = 0;
    RebalanceCallbacks callbacks;
    callbacks.revoked = [&](Consumer& consumer, std::span<const TopicPartition> partitions) {
        given_back = partitions.size();
        EXPECT_EQ(consumer.assignment().size(), 2U) << "still ours";
    };
    c.subscribe({"t"}, std::move(callbacks)).value();
    until_assigned(c);
    c.unsubscribe().value();
    EXPECT_EQ(given_back, 2U);
    EXPECT_TRUE(c.assignment().empty());
    EXPECT_TRUE(c.subscription().empty());
    Result<void> by_hand = Error::of(ErrorCode::failed);
    for (int i = 0; i < 200 && !by_hand; ++i) {
        by_hand = c.assign({{"t", 0, 0}});
        if (!by_hand) {
            EXPECT_EQ(by_hand.error(), ErrorCode::invalid_state) << "it is still leaving";
            c.poll(50ms);
        }
    }
    by_hand.value();
    c.unassign().value();
    c.subscribe({"t"}).value();
    until_assigned(c);
}

TEST_F(Unsubscribe, without_callbacks_the_event_is_polled_afterwards) {
    auto c = member();
    c.subscribe({"t"}).value();
    until_assigned(c);
    c.unsubscribe().value();
    EXPECT_TRUE(c.assignment().empty());
    const auto event = c.poll(1s);
    ASSERT_TRUE(event);
    EXPECT_EQ(to_string(*event), "revoked t[0], t[1]");
}

TEST_F(Unsubscribe, in_a_callback_it_waits_for_nothing) {
    auto c = member();
    std::string said;
    RebalanceCallbacks callbacks;
    callbacks.assigned = [&](Consumer& consumer, std::span<const TopicPartition>) {
        said += "assigned, ";
        consumer.unsubscribe().value();
        said += consumer.assignment().size() == 2 ? "still here, " : "gone, ";
    };
    callbacks.revoked = [&](Consumer&, std::span<const TopicPartition>) { said += "revoked"; };
    c.subscribe({"t"}, std::move(callbacks)).value();
    for (int i = 0; i < 100 && !said.ends_with("revoked"); ++i) c.poll(100ms);
    EXPECT_EQ(said, "assigned, still here, revoked");
    EXPECT_TRUE(c.assignment().empty());
}

TEST_F(Unsubscribe, before_it_has_joined_there_is_nothing_to_give_back) {
    auto c = member();
    c.subscribe({"t"}).value();
    c.unsubscribe().value();
    EXPECT_TRUE(c.assignment().empty());
    EXPECT_FALSE(c.poll(300ms));
}

}  // namespace
}  // namespace ottla
