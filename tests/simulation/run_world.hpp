// SPDX-License-Identifier: Apache-2.0
// run_world: a world of clients at a host of brokers, played while there is trouble, and what came of it.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "tests/simulation/simulation.hpp"

namespace ottla::test {

template <class Host, class World>
asio::awaitable<void> play_world(Host& host, World& world, std::function<asio::awaitable<void>()> trouble) {
    co_await host.start();
    co_await world.play(std::move(trouble));
    co_await host.stop();
}

template <class Host, class World>
Outcome run_world(Simulation& simulation, Host& host, World& world, std::function<asio::awaitable<void>()> trouble) {
    using namespace std::chrono_literals;
    Outcome outcome;
    if (!simulation.loop.run(play_world(host, world, std::move(trouble)), 1h))
        outcome.failures.push_back("the scenario did not end within an hour");
    world.check(outcome.failures);
    outcome.failures.insert(outcome.failures.end(), host.problems.begin(), host.problems.end());
    simulation.loop.run_for(1min);
    outcome.hash = simulation.hash();
    outcome.faults = simulation.faults();
    outcome.simulated_seconds = simulation.simulated_seconds();
    outcome.events = simulation.loop.events();
    return outcome;
}

inline std::chrono::milliseconds trouble_time(base::Random& random) {
    return std::chrono::milliseconds(random.chance(0.2) ? 80'000 : random.between(5'000, 50'000));
}

// False: not within `most`.
inline asio::awaitable<bool> wait_until(Simulation& simulation, std::function<bool()> reached, base::Duration most) {
    auto& timers = simulation.loop.timers;
    const base::Duration step = std::chrono::milliseconds(50);
    const auto end = timers.now() + most;
    while (!reached()) {
        if (timers.now() >= end) co_return false;
        co_await timers.wait_for(step);
    }
    co_return true;
}

}  // namespace ottla::test
