// SPDX-License-Identifier: Apache-2.0
// A producer at several real brokers whose partitions change their leaders: while batches are on their way, and back
// again; with answers that tell who leads and that do not, old metadata, throttling, errors and silence after the
// append, cut and slow connections, brokers that are killed, and a producer whose queue is small. Every acknowledged
// record is in the log once and in order, what is reported as not written is not there, and each has one report.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/simulation/client_host.hpp"
#include "tests/simulation/cluster_host.hpp"
#include "tests/simulation/faults.hpp"

namespace ottla::test {
namespace {

using namespace std::chrono_literals;

struct ClusterScene {
    Simulation& simulation;
    ClusterHost& host;
    ClientHost& client;
    Faults& faults;
};

asio::awaitable<void> disturb(ClusterScene& scene) {
    scene.host.answers().begin();
    co_await scene.faults.run(scene.simulation.loop.timers.now() + 60s);
    scene.host.answers().end();
}

asio::awaitable<void> play_cluster(ClusterScene& scene) {
    auto& loop = scene.simulation.loop;
    co_await scene.host.start();
    co_await scene.client.create_topic();
    bool quiet = false;
    net::Signal healed(loop.io.get_executor());
    asio::co_spawn(loop.io, disturb(scene), [&](std::exception_ptr) {
        quiet = true;
        healed.notify();
    });
    asio::co_spawn(loop.io, scene.client.follow(), asio::detached);
    co_await scene.client.produce();
    while (!quiet) co_await healed.wait();
    scene.client.finish_following();
    co_await scene.client.consume({});
    co_await scene.host.stop();
}

void add_faults(ClusterScene& scene) {
    auto& [simulation, host, client, faults] = scene;
    const Workload& workload = client.workload();
    // Twice, so that it is there in most worlds and often.
    for (int i = 0; i < 2; ++i)
        faults.add("leader moved",
                   [&host, &workload] { return host.move_leader(workload.topic, workload.partitions); });
    faults.add("leader flaps", [&host, &workload] { return host.flap(workload.topic, workload.partitions); });
    faults.add("killed", [&host] { return host.lose_one(false); });
    faults.add("power lost", [&host] { return host.lose_one(true); });
}

Workload draw_workload(base::Random& random) {
    Workload workload;
    workload.partitions = static_cast<std::int32_t>(random.between(1, 6));
    if (random.chance(0.4)) workload.queue_messages = static_cast<std::size_t>(random.between(2, 60));
    if (random.chance(0.2)) workload.queue_kbytes = 1;
    return workload;
}

Outcome run_cluster(std::uint64_t seed) {
    Simulation simulation(seed);
    auto random = simulation.chance();
    ClusterHost host(simulation, static_cast<int>(random.between(2, 4)));
    ClientHost client(simulation, draw_workload(random), host.bootstrap());
    Faults faults(simulation, {"client"}, host.hosts());
    ClusterScene scene{simulation, host, client, faults};
    add_faults(scene);
    Outcome outcome;
    if (!simulation.loop.run(play_cluster(scene), 1h))
        outcome.failures.push_back("the scenario did not end within an hour");
    else
        client.check({}, simulation.faults().empty(), outcome.failures);
    host.answers().check_throttling(client.in_flight_max(), outcome.failures);
    for (const auto* problems : {&host.problems, &client.problems})
        outcome.failures.insert(outcome.failures.end(), problems->begin(), problems->end());
    simulation.loop.run_for(1min);
    outcome.hash = simulation.hash();
    outcome.faults = simulation.faults();
    if (const auto count = client.unacknowledged()) outcome.faults["(not acknowledged)"] = count;
    outcome.simulated_seconds = simulation.simulated_seconds();
    outcome.events = simulation.loop.events();
    return outcome;
}

TEST(Simulation, a_producer_writes_once_and_in_order_while_leaders_flap) { run_seeds("cluster", 1.0, run_cluster); }

}  // namespace
}  // namespace ottla::test
