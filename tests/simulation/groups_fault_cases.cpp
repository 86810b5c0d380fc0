// SPDX-License-Identifier: Apache-2.0
// What a member of a group must come through, one test each, at real brokers: a coordinator that moves amid its
// commits, and being out of the group without knowing it. (Storms are in groups_simulation.cpp; what a single consumer
// must come through, in tests/client.)
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/simulation/broker_host.hpp"
#include "tests/simulation/cluster_host.hpp"
#include "tests/simulation/group_world.hpp"

namespace ottla::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> quick_groups = {"group.min.session.timeout.ms=100", "group.initial.rebalance.delay.ms=0",
                                               "offsets.topic.num.partitions=1"};

std::vector<MemberPlan> steady_members(std::size_t count) {
    std::vector<MemberPlan> plans(count);
    for (auto& plan : plans) {
        plan.assignors = "range";
        plan.topics = {"orders"};
        plan.is_steady = true;
        plan.commits_each = true;
    }
    return plans;
}

template <class Host>
asio::awaitable<void> play_case(Host& host, GroupWorld& world, std::function<asio::awaitable<void>()> trouble) {
    co_await host.start();
    co_await world.play(std::move(trouble));
    co_await host.stop();
}

template <class Host>
void run_case(Simulation& simulation, Host& host, GroupWorld& world, std::function<asio::awaitable<void>()> trouble) {
    SCOPED_TRACE(fmt::format("seed {}", simulation.seed()));
    EXPECT_TRUE(simulation.loop.run(play_case(host, world, std::move(trouble)), 1h));
    std::vector<std::string> failures;
    world.check(failures);
    failures.insert(failures.end(), host.problems.begin(), host.problems.end());
    for (const auto& failure : failures) ADD_FAILURE() << failure;
    simulation.loop.run_for(1min);
}

asio::awaitable<void> move_again_and_again(Simulation& simulation, ClusterHost& host, GroupWorld& world) {
    co_await world.rest(1);
    for (int i = 0; i < 30; ++i) {
        co_await host.move_leader("__consumer_offsets", 1);
        const Duration pause = 350ms;
        co_await simulation.loop.timers.wait_for(pause);
    }
}

TEST(FaultCase7, commits_reach_a_coordinator_that_moves_amid_them) {
    std::size_t done = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        Simulation simulation(seed);
        ClusterHost host(simulation, 2, quick_groups);
        GroupWorld world(simulation, host.bootstrap());
        world.add_group(steady_members(1));
        std::function<asio::awaitable<void>()> trouble = [&] { return move_again_and_again(simulation, host, world); };
        run_case(simulation, host, world, std::move(trouble));
        done += world.members()[0]->commits_done();
        EXPECT_EQ(world.members()[0]->commits_refused(), 0U) << "seed " << seed;
        EXPECT_EQ(world.book().rebalances(), static_cast<std::size_t>(world.topics().topics().at("orders")))
            << "nobody is put out by that";
    }
    EXPECT_GT(done, 1000U);
}

asio::awaitable<void> stand_still(Simulation& simulation, GroupWorld& world) {
    co_await world.rest(2);
    for (int i = 0; i < 3; ++i) {
        MemberHost& zombie = *world.members()[static_cast<std::size_t>(i) % 2];
        zombie.freeze();
        co_await simulation.loop.timers.wait_for(std::chrono::milliseconds(zombie.plan().session_ms * 2));
        const auto other = world.book().held_by(1 - static_cast<std::size_t>(i) % 2);
        EXPECT_EQ(static_cast<std::int32_t>(other.size()), world.topics().topics().at("orders"))
            << "the other one has taken over";
        zombie.thaw();
        co_await world.rest(2);
    }
}

TEST(FaultCase12, who_stood_still_is_out_cannot_commit_and_joins_again) {
    std::size_t refused = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Simulation simulation(seed);
        BrokerHost host(simulation, 1, quick_groups);
        GroupWorld world(simulation, "broker:9092");
        world.add_group(steady_members(2));
        std::function<asio::awaitable<void>()> trouble = [&] { return stand_still(simulation, world); };
        run_case(simulation, host, world, std::move(trouble));
        for (const auto& member : world.members()) refused += member->commits_refused();
    }
    EXPECT_GT(refused, 0U) << "no zombie tried";
}

asio::awaitable<void> stop_polling(Simulation& simulation, GroupWorld& world) {
    co_await world.rest(2);
    MemberHost& member = *world.members()[0];
    member.stop_polling(member.plan().max_poll_ms * 2);
    co_await simulation.loop.timers.wait_for(std::chrono::milliseconds(member.plan().max_poll_ms * 3 / 2));
    const auto other = world.book().held_by(1);
    EXPECT_EQ(static_cast<std::int32_t>(other.size()), world.topics().topics().at("orders"));
    co_await simulation.loop.timers.wait_for(std::chrono::milliseconds(member.plan().max_poll_ms));
    co_await world.rest(2);
}

TEST(FaultCase12, who_does_not_poll_is_out_and_joins_again_with_the_next_poll) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Simulation simulation(seed);
        BrokerHost host(simulation, 1, quick_groups);
        GroupWorld world(simulation, "broker:9092");
        world.add_group(steady_members(2));
        std::function<asio::awaitable<void>()> trouble = [&] { return stop_polling(simulation, world); };
        run_case(simulation, host, world, std::move(trouble));
    }
}

}  // namespace
}  // namespace ottla::test
