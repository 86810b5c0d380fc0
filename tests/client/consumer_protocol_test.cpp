// SPDX-License-Identifier: Apache-2.0
// Our consumers of the consumer protocol (KIP-848) at our own coordinator, over real sockets in this process.
#include <random>

#include "tests/client/group_of_consumers.hpp"

namespace ottla {
namespace {

using broker::Fault;
using protocol::ApiKey;

// Everything that was written has been committed, by members that left in order.
void expect_all_committed(GroupOfConsumers& g) {
    for (const auto& [place, end] : g.committed()) EXPECT_EQ(end, g.written.at(place)) << place.first << place.second;
}

TEST(ConsumersOfOurs, share_out_give_back_and_take_over) {
    GroupOfConsumers g;
    g.cluster->create_topic("t", 6).value();
    auto& first = g.join();
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(6); }));
    g.write("t", 6, 10);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    EXPECT_EQ(first.consumer.rebalance_protocol(), RebalanceProtocol::cooperative);
    auto& second = g.join();
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(6); }));
    auto& third = g.join();
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(6); }));
    EXPECT_EQ(g.places_of(first).size(), 2U);
    g.write("t", 6, 10);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    const auto of_third = g.places_of(third);
    g.leave(second);
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(6); }));
    const auto kept = g.places_of(third);
    EXPECT_TRUE(std::ranges::includes(kept, of_third)) << "what stays with its member is not moved";
    g.leave(first);
    g.write("t", 6, 10);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    EXPECT_EQ(g.places_of(third).size(), 6U);
    EXPECT_EQ(third.lost, 0);
    g.leave(third);
    EXPECT_EQ(g.repeated, 0) << "who gives back in order has committed";
    expect_all_committed(g);
}

TEST(ConsumersOfOurs, who_is_silent_has_lost_its_partitions_and_cannot_commit) {
    GroupOfConsumers g;
    g.cluster->create_topic("t", 4).value();
    auto& silent = g.join({"t"}, {{"enable.auto.commit", false}});
    auto& other = g.join({"t"}, {{"auto.commit.interval.ms", 50}});
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(4); }));
    g.write("t", 4, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    g.silence(silent);
    ASSERT_TRUE(g.until([&] { return g.places_of(other).size() == 4; }));
    ASSERT_TRUE(g.until([&] { return g.repeated == 10; })) << "what it had not committed comes again, to the other";
    silent.is_silent = false;
    std::optional<Result<std::vector<TopicPartition>>> refused;
    silent.consumer.async_commit(5s, [&](Result<std::vector<TopicPartition>> r) { refused = std::move(r); });
    ASSERT_TRUE(g.until([&] { return refused.has_value(); }));
    ASSERT_FALSE(*refused);
    EXPECT_EQ(refused->error(), ErrorCode::assignment_lost) << to_string(refused->error());
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(4) && g.places_of(silent).size() == 2; })) << "it has joined anew";
    EXPECT_EQ(silent.lost, 1);
    EXPECT_EQ(other.lost, 0);
    g.write("t", 4, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
}

TEST(ConsumersOfOurs, who_is_fenced_joins_again_and_leaves_nothing_out) {
    for (const auto code : {ErrorCode::fenced_member_epoch, ErrorCode::unknown_member_id}) {
        GroupOfConsumers g;
        g.cluster->create_topic("t", 4).value();
        g.join({"t"}, {{"auto.commit.interval.ms", 50}});
        g.join({"t"}, {{"auto.commit.interval.ms", 50}});
        for (int i = 0; i < 3; ++i) {
            ASSERT_TRUE(g.until([&] { return g.shares_evenly(4); }));
            g.write("t", 4, 5);
            g.cluster->inject(Fault::error(code).on(ApiKey::consumer_group_heartbeat));
            const auto lost = [&] { return g.members[0]->lost + g.members[1]->lost; };
            ASSERT_TRUE(g.until([&] { return lost() > i; }));
        }
        ASSERT_TRUE(g.until([&] { return g.shares_evenly(4) && g.has_read_all(); }));
        EXPECT_EQ(g.members[0]->lost + g.members[1]->lost, 3);
        while (!g.members.empty()) g.leave(*g.members.back());
        expect_all_committed(g);
    }
}

TEST(ConsumersOfOurs, a_static_member_comes_back_to_what_it_had_and_a_second_of_its_name_is_refused) {
    GroupOfConsumers g;
    g.cluster->create_topic("t", 4).value();
    const Config named{{"group.instance.id", "i"}, {"enable.auto.commit", true}};
    auto& one = g.join({"t"}, named);
    auto& other = g.join();
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(4); }));
    g.write("t", 4, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    auto& second = g.join({"t"}, named);
    ASSERT_TRUE(g.until([&] { return !second.errors.empty(); }));
    EXPECT_EQ(second.errors[0], ErrorCode::unreleased_instance_id);
    EXPECT_TRUE(second.errors[0].is_fatal());
    EXPECT_EQ(g.places_of(one).size(), 2U);
    g.leave(second);
    EXPECT_EQ(g.places_of(one).size(), 2U) << "who was refused takes nobody along";
    const auto had = g.places_of(one);
    const int before = other.rebalances;
    g.leave(one);
    g.write("t", 4, 5);
    g.pass(200ms);
    EXPECT_EQ(g.places_of(other).size(), 2U) << "it may be back";
    auto& back = g.join({"t"}, named);
    ASSERT_TRUE(g.until([&] { return g.has_read_all() && g.owners.size() == 4; }));
    EXPECT_EQ(g.places_of(back), had);
    EXPECT_EQ(other.rebalances, before);
    EXPECT_EQ(g.repeated, 0);
    // Away for longer than the session: the other has all.
    g.leave(back);
    ASSERT_TRUE(g.until([&] { return g.places_of(other).size() == 4; }));
}

TEST(ConsumersOfOurs, an_expression_is_matched_by_the_coordinator) {
    GroupOfConsumers g;
    for (const auto* topic : {"orders-eu", "orders-us", "no-orders"}) g.cluster->create_topic(topic, 2).value();
    auto& a = g.add();
    auto& b = g.add();
    for (auto* m : {&a, &b}) m->consumer.subscribe(SubscriptionPattern::re2("orders-.*"), g.book_of(*m)).value();
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(4); }));
    for (const auto& [place, owner] : g.owners) EXPECT_TRUE(place.first.starts_with("orders-")) << place.first;
    g.write("orders-eu", 2, 5);
    g.write("orders-us", 2, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    // Names beside an expression, of members of one group.
    b.consumer.subscribe({"no-orders"}, g.book_of(b)).value();
    ASSERT_TRUE(g.until([&] { return g.places_of(a).size() == 4 && g.places_of(b).size() == 2; }));
    g.write("no-orders", 2, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    EXPECT_EQ(g.repeated, 0);
    auto& wrong = g.add();
    wrong.consumer.subscribe(SubscriptionPattern::re2("orders-("), g.book_of(wrong)).value();
    ASSERT_TRUE(g.until([&] { return !wrong.errors.empty(); }));
    EXPECT_EQ(wrong.errors[0], ErrorCode::invalid_regular_expression);
    EXPECT_EQ(g.places_of(a).size(), 4U);
}

TEST(ConsumersOfOurs, a_group_goes_over_between_the_protocols_with_its_members_and_offsets) {
    GroupOfConsumers g;
    g.cluster->create_topic("t", 4).value();
    const Config classic{{"group.protocol", "classic"},
                         {"partition.assignment.strategy", "cooperative-sticky"},
                         {"session.timeout.ms", 3000},
                         {"heartbeat.interval.ms", 50}};
    auto& old = g.join({"t"}, classic);
    g.write("t", 4, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    EXPECT_EQ(g.repeated, 0);
    auto& fresh = g.join();
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(4) && g.places_of(fresh).size() == 2; }));
    g.write("t", 4, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    EXPECT_EQ(g.repeated, 0);
    g.leave(old);
    ASSERT_TRUE(g.until([&] { return g.places_of(fresh).size() == 4; }));
    auto& again = g.join({"t"}, classic);
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(4) && g.places_of(again).size() == 2; }));
    g.leave(fresh);
    g.write("t", 4, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    EXPECT_EQ(g.repeated, 0);
    EXPECT_EQ(g.places_of(again).size(), 4U);
    g.leave(again);
    // Nobody is in it: who comes of either kind goes on where it was committed.
    g.join();
    g.write("t", 4, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    EXPECT_EQ(g.repeated, 0);
    g.leave(*g.members.front());
    expect_all_committed(g);
}

TEST(ConsumersOfOurs, partitions_that_come_are_read_too) {
    GroupOfConsumers g;
    g.cluster->create_topic("t", 2).value();
    g.join();
    g.join();
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(2); }));
    g.write("t", 2, 5);
    auto admin = Admin::create({{"bootstrap.servers", g.cluster->bootstrap_servers()}}).value();
    ASSERT_EQ(admin.create_partitions({{"t", 6}}).value()[0].error, ErrorCode::none);
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(6); }));
    g.write("t", 6, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    EXPECT_EQ(g.repeated, 0);
}

TEST(ConsumersOfOurs, a_broker_that_restarts_costs_nobody_its_partitions) {
    GroupOfConsumers g;
    g.cluster->create_topic("t", 4).value();
    auto& a = g.join();
    auto& b = g.join();
    ASSERT_TRUE(g.until([&] { return g.shares_evenly(4); }));
    g.write("t", 4, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    const auto had = g.places_of(a);
    g.cluster->broker_down(1).value();
    g.pass(300ms);
    g.cluster->broker_up(1).value();
    g.write("t", 4, 5);
    ASSERT_TRUE(g.until([&] { return g.has_read_all(); }));
    EXPECT_EQ(g.places_of(a), had);
    EXPECT_EQ(a.lost + b.lost, 0);
    EXPECT_EQ(g.repeated, 0);
}

TEST(ConsumersOfOurs, nothing_is_lost_or_owned_twice_while_members_come_and_go) {
    for (const unsigned seed : {1U, 2U}) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 chance(seed);
        const auto one_of = [&](std::size_t n) { return static_cast<std::size_t>(chance() % n); };
        GroupOfConsumers g;
        g.cluster->create_topic("t", 8).value();
        g.cluster->create_topic("u", 3).value();
        g.join({"t", "u"});
        int silenced = 0;
        const auto awake = [&] {
            std::vector<GroupOfConsumers::Member*> all;
            for (const auto& m : g.members)
                if (!m->is_silent) all.push_back(m.get());
            return all;
        };
        for (int step = 0; step < 30; ++step) {
            const auto living = awake();
            const auto what = one_of(10);
            if (what < 4 && living.size() < 5) {
                g.join({"t", "u"}, {{"auto.commit.interval.ms", what % 2 == 0 ? 50 : 5000}});
            } else if (what < 7 && living.size() > 1) {
                g.leave(*living[one_of(living.size())]);
            } else if (what == 7 && silenced < 2 && living.size() > 1) {
                g.silence(*living[one_of(living.size())]);
                ++silenced;
            } else if (what == 8) {
                const auto topics = one_of(2) == 0 ? std::vector<std::string>{"t"} : std::vector<std::string>{"t", "u"};
                auto& m = *living[one_of(living.size())];
                m.consumer.subscribe(topics, g.book_of(m)).value();
            } else if (what == 9) {
                g.cluster->inject(Fault::disconnect().on(ApiKey::consumer_group_heartbeat));
                g.cluster->inject(Fault::disconnect().on(ApiKey::offset_commit));
            }
            g.write("t", 8);
            g.write("u", 3);
            g.pass(std::chrono::milliseconds(20 + one_of(60)));
            if (::testing::Test::HasFailure()) return;
        }
        g.join({"t", "u"});
        ASSERT_TRUE(g.until([&] { return g.owners.size() == 11 && g.has_read_all(); }));
        EXPECT_TRUE(silenced > 0 || g.repeated == 0) << g.repeated << " messages came twice";
        while (!awake().empty()) g.leave(*awake().back());
        expect_all_committed(g);
    }
}

}  // namespace
}  // namespace ottla
