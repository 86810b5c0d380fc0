// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/faults.hpp"

#include "net/signal.hpp"

namespace ottla::test {

using namespace std::chrono_literals;

Faults::Faults(Simulation& simulation, std::vector<std::string> clients, std::vector<std::string> servers)
    : simulation_(simulation),
      random_(simulation.chance()),
      clients_(std::move(clients)),
      servers_(std::move(servers)) {
    of_network_ = {{"reset", [this] { return reset_one(); }},
                   {"cut", [this] { return cut(true); }},
                   {"cut one way", [this] { return cut(false); }},
                   {"slow network", [this] { return slow_down(); }}};
}

void Faults::add(std::string kind, std::function<asio::awaitable<void>()> act) {
    of_hosts_.push_back({std::move(kind), std::move(act)});
}

asio::awaitable<void> Faults::run(TimePoint end) {
    auto& loop = simulation_.loop;
    bool is_over = false;
    net::Signal over(loop.io.get_executor());
    asio::co_spawn(loop.io, run_some(of_network_, random_.split(), end), [&](std::exception_ptr) {
        is_over = true;
        over.notify();
    });
    co_await run_some(of_hosts_, random_.split(), end);
    while (!is_over) co_await over.wait();
    simulation_.network.heal_all();
    simulation_.note("healed");
}

asio::awaitable<void> Faults::run_some(std::vector<Kind> kinds, base::Random random, TimePoint end) {
    std::erase_if(kinds, [&random](const Kind&) { return random.chance(0.4); });
    auto& timers = simulation_.loop.timers;
    const Duration gap_max = std::chrono::milliseconds(random.between(200, 5'000));
    while (!kinds.empty()) {
        co_await timers.wait_for(Duration(random.between(0, gap_max.count())));
        if (timers.now() >= end) break;
        const Kind& kind = kinds[random.below(kinds.size())];
        simulation_.note_fault(kind.name);
        co_await kind.act();
    }
    if (timers.now() < end) co_await timers.wait_until(end);
}

asio::awaitable<void> Faults::reset_one() {
    simulation_.network.reset_one(pick(clients_), pick(servers_));
    co_return;
}

asio::awaitable<void> Faults::cut(bool both_ways) {
    const std::string client = pick(clients_);
    const std::string server = pick(servers_);
    if (both_ways)
        simulation_.network.cut(client, server);
    else if (random_.chance(0.5))
        simulation_.network.cut_one_way(client, server);
    else
        simulation_.network.cut_one_way(server, client);
    co_await simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(1, 8'000)));
    // What was sent meanwhile may have come through one way, and its answers never come.
    if (random_.chance(0.4)) simulation_.network.reset(client, server);
    simulation_.network.heal(client, server);
}

asio::awaitable<void> Faults::slow_down() {
    const auto before = simulation_.network.options();
    auto slow = before;
    slow.delay_max += std::chrono::milliseconds(random_.between(10, 300));
    simulation_.network.set_options(slow);
    co_await simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(10, 3'000)));
    simulation_.network.set_options(before);
}

}  // namespace ottla::test
