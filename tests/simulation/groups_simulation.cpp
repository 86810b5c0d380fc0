// SPDX-License-Identifier: Apache-2.0
// Members of groups at a real broker: they join, leave, crash, stand still, are slow and stop polling, while the
// network breaks, the broker goes down on a bad disk, and topics come, grow and go. Every record is processed by
// somebody; who is given a partition begins where that was committed; a partition has one owner; what is committed was
// processed before and never goes back; and when the trouble is over, every group comes to rest and ends in order.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/simulation/broker_host.hpp"
#include "tests/simulation/group_world.hpp"
#include "tests/simulation/run_world.hpp"

namespace ottla::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> broker_settings(base::Random& random, std::int64_t coordinators_most) {
    constexpr int delays_ms[] = {0, 0, 500, 3'000};
    const bool lets_go = random.chance(0.3);
    return {"log.flush.policy=ack",
            "group.min.session.timeout.ms=100",
            fmt::format("group.initial.rebalance.delay.ms={}", delays_ms[random.below(std::size(delays_ms))]),
            fmt::format("offsets.topic.num.partitions={}", random.between(1, coordinators_most)),
            fmt::format("offsets.retention.minutes={}", lets_go ? 1 : 10'000),
            "offsets.retention.check.interval.ms=3000"};
}

// A controller that could not write its log has given up, until the broker is started again.
asio::awaitable<void> fill_disk(BrokerHost& host) {
    co_await host.fill_disk();
    co_await host.again(host.any_end());
}

// How often members of the consumer protocol are to be heard of, and for how long they may not be.
std::vector<std::string> dealing_settings(base::Random& random) {
    const auto session_ms = random.between(1'000, 4'000);
    constexpr int hurries_ms[] = {0, 100, 250};
    return {"group.consumer.min.session.timeout.ms=500", "group.consumer.min.heartbeat.interval.ms=50",
            fmt::format("group.consumer.session.timeout.ms={}", session_ms),
            fmt::format("group.consumer.heartbeat.interval.ms={}", session_ms / random.between(3, 6)),
            fmt::format("group.consumer.rebalance.heartbeat.interval.ms={}",
                        hurries_ms[random.below(std::size(hurries_ms))])};
}

Outcome run_trouble(Simulation& simulation, BrokerHost& host, GroupWorld& world, base::Random& random) {
    Faults faults(simulation, world.hosts(), {"broker"});
    world.add_faults(faults);
    faults.add("stopped", [&host] { return host.again(BrokerHost::End::stopped); });
    faults.add("killed", [&host] { return host.again(BrokerHost::End::killed); });
    faults.add("power lost", [&host] { return host.again(BrokerHost::End::power_lost); });
    faults.add("disk full", [&host] { return fill_disk(host); });
    faults.add("disk failed", [&host] { return host.break_disk(); });
    faults.add("disk slow", [&host] { return host.slow_disk(); });
    const auto time = trouble_time(random);
    std::function<asio::awaitable<void>()> trouble = [&] { return faults.run(simulation.loop.timers.now() + time); };
    return run_world(simulation, host, world, std::move(trouble));
}

Outcome run_groups(std::uint64_t seed) {
    Simulation simulation(seed);
    auto random = simulation.chance();
    BrokerHost host(simulation, 1 + seed % 2, broker_settings(random, 3));
    GroupWorld world(simulation, "broker:9092");
    world.draw_groups(8);
    return run_trouble(simulation, host, world, random);
}

Outcome run_dealt_groups(std::uint64_t seed) {
    Simulation simulation(seed);
    auto random = simulation.chance();
    auto settings = broker_settings(random, 3);
    for (auto& more : dealing_settings(random)) settings.push_back(std::move(more));
    BrokerHost host(simulation, 1 + seed % 2, std::move(settings));
    GroupWorld world(simulation, "broker:9092");
    world.draw_dealt_groups(8);
    return run_trouble(simulation, host, world, random);
}

// So many generations may come of a burst, whatever its size: who comes while the others join takes part.
constexpr std::int32_t generations_of_a_burst = 12;

struct Storm {
    Simulation& simulation;
    GroupWorld& world;
    base::Random random;
    std::vector<std::string>& failures;

    void expect_few(std::string_view burst, std::int32_t before, std::int32_t after) {
        if (after - before > generations_of_a_burst)
            failures.push_back(fmt::format("{} took the group from generation {} to {}", burst, before, after));
    }
    // Some of those from `first` on, at once.
    void end_some(std::size_t first, std::size_t count, bool in_order) {
        for (std::size_t n = first; n < first + count; ++n) world.members()[n]->end_life(in_order, 40'000);
    }
};

constexpr std::size_t crowd = 50;
constexpr std::size_t burst = 20;

asio::awaitable<void> rage(Storm& storm) {
    auto& [simulation, world, random, failures] = storm;
    const auto joined = co_await world.rest(crowd);
    storm.expect_few("joining in a burst", 0, joined);
    storm.end_some(5, burst, true);
    const auto left = co_await world.rest(crowd - burst);
    storm.expect_few("leaving in a burst", joined, left);
    const auto returned = co_await world.rest(crowd);
    storm.expect_few("coming back in a burst", left, returned);
    storm.end_some(25, burst, false);
    const auto crashed = co_await world.rest(crowd - burst);
    storm.expect_few("crashing in a burst", returned, crashed);
    // Ten of them a second.
    for (int i = 0; i < 100; ++i) {
        world.members()[random.below(crowd)]->end_life(random.chance(0.5), random.between(100, 3'000));
        co_await simulation.loop.timers.wait_for(100ms);
    }
    const auto settled = co_await world.rest(crowd);
    simulation.note(fmt::format("generations: {} {} {} {} {}", joined, left, returned, crashed, settled));
}

Outcome run_storm(std::uint64_t seed) {
    Simulation simulation(seed);
    auto random = simulation.chance();
    BrokerHost host(simulation, 1 + seed % 2, broker_settings(random, 1));
    GroupWorld world(simulation, "broker:9092");
    world.draw_crowd(crowd, 60);
    std::vector<std::string> failures;
    Storm storm{simulation, world, simulation.chance(), failures};
    std::function<asio::awaitable<void>()> trouble = [&] { return rage(storm); };
    Outcome outcome = run_world(simulation, host, world, std::move(trouble));
    outcome.failures.insert(outcome.failures.end(), failures.begin(), failures.end());
    return outcome;
}

TEST(Simulation, members_of_groups_come_and_go_and_nothing_is_skipped) { run_seeds("groups", 0.45, run_groups); }

TEST(Simulation, groups_whose_coordinator_deals_skip_nothing) { run_seeds("groups_dealt", 0.4, run_dealt_groups); }

TEST(FaultCase13, fifty_members_that_come_and_go_in_bursts_share_everything_soon) {
    run_seeds("groups_storm", 0.15, run_storm, 0.1);
}

}  // namespace
}  // namespace ottla::test
