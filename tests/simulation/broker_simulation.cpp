// SPDX-License-Identifier: Apache-2.0
// The real broker, on a disk in memory that loses what was not synced, and the real client, in one thread: produces
// while the network breaks, the disk is full, slow or fails, and the broker is killed, stopped and cut from its power;
// then consumes. Every acknowledged record is there, at its offset, once and in order; what is certain not to have been
// written is not. In small segments that roll, expire and are compacted, on a disk that cannot always be read and whose
// bits turn, too.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/simulation/broker_host.hpp"
#include "tests/simulation/client_host.hpp"
#include "tests/simulation/faults.hpp"

namespace ottla::test {
namespace {

using namespace std::chrono_literals;

struct Scene {
    Simulation& simulation;
    BrokerHost& host;
    ClientHost& client;
    Faults& faults;
    // The records are read at the end by a broker that did not write them.
    bool starts_anew = false;
};

asio::awaitable<void> play(Scene& scene) {
    auto& loop = scene.simulation.loop;
    co_await scene.host.start();
    co_await scene.client.create_topic();
    bool quiet = false;
    net::Signal healed(loop.io.get_executor());
    asio::co_spawn(loop.io, scene.faults.run(loop.timers.now() + 60s), [&](std::exception_ptr) {
        quiet = true;
        healed.notify();
    });
    asio::co_spawn(loop.io, scene.client.follow(), asio::detached);
    co_await scene.client.produce();
    while (!quiet) co_await healed.wait();
    scene.client.finish_following();
    if (scene.starts_anew) co_await scene.host.again(scene.host.any_end());
    co_await scene.client.consume(scene.host.damaged());
    co_await scene.host.stop();
}

Outcome run(Scene& scene) {
    auto& [simulation, host, client, faults, anew] = scene;
    faults.add("stopped", [&host] { return host.again(BrokerHost::End::stopped); });
    faults.add("killed", [&host] { return host.again(BrokerHost::End::killed); });
    faults.add("power lost", [&host] { return host.again(BrokerHost::End::power_lost); });
    faults.add("disk full", [&host] { return host.fill_disk(); });
    faults.add("disk failed", [&host] { return host.break_disk(); });
    faults.add("disk slow", [&host] { return host.slow_disk(); });
    if (anew) {
        faults.add("reads failed", [&host] { return host.break_reads(); });
        faults.add("bit turned",
                   [&host, &client] { return host.turn_bit(client.workload().topic, client.workload().partitions); });
    }
    Outcome outcome;
    if (!simulation.loop.run(play(scene), 1h))
        outcome.failures.push_back("the scenario did not end within an hour");
    else
        client.check(host.damaged(), simulation.faults().empty(), outcome.failures);
    for (const auto* problems : {&host.problems, &client.problems})
        outcome.failures.insert(outcome.failures.end(), problems->begin(), problems->end());
    simulation.loop.run_for(1min);
    outcome.hash = simulation.hash();
    outcome.faults = simulation.faults();
    if (const auto count = client.unacknowledged()) outcome.faults["(not acknowledged)"] = count;
    if (const auto count = host.damaged().size()) outcome.faults["(records damaged)"] = count;
    outcome.simulated_seconds = simulation.simulated_seconds();
    outcome.events = simulation.loop.events();
    return outcome;
}

Outcome run_plain(std::uint64_t seed, std::size_t shards, const char* policy) {
    Simulation simulation(seed);
    BrokerHost host(simulation, shards, {std::string("log.flush.policy=") + policy});
    auto random = simulation.chance();
    Workload workload;
    // In some worlds brokers take smaller batches than the producer makes, which splits them then.
    if (random.chance(0.25)) workload.configs["max.message.bytes"] = std::to_string(random.between(150, 600));
    ClientHost client(simulation, workload);
    Faults faults(simulation, {"client"}, {"broker"});
    Scene scene{simulation, host, client, faults};
    return run(scene);
}

template <std::size_t shards>
Outcome run_broker(std::uint64_t seed) {
    return run_plain(seed, shards, "ack");
}

Workload small_segments(base::Random& random) {
    Workload workload;
    workload.records = 900;
    workload.configs = {{"internal.segment.bytes", std::to_string(random.between(2'500, 6'000))},
                        {"index.interval.bytes", std::to_string(random.between(1, 1'000))},
                        {"file.delete.delay.ms", std::to_string(random.between(1, 5'000))}};
    const auto kind = random.below(3);
    if (kind == 1) {
        workload.configs["retention.bytes"] = std::to_string(random.between(1, 8'000));
    } else if (kind == 2) {
        workload.configs["cleanup.policy"] = "compact";
        workload.configs["min.cleanable.dirty.ratio"] = "0.01";
        workload.keys = random.chance(0.5) ? 20 : 600;
    }
    return workload;
}

Outcome run_storage(std::uint64_t seed) {
    Simulation simulation(seed);
    auto random = simulation.chance();
    BrokerHost host(
        simulation, 1 + seed % 2,
        {"log.retention.check.interval.ms=2000", "log.initial.task.delay.ms=100", "log.cleaner.backoff.ms=700"});
    ClientHost client(simulation, small_segments(random));
    Faults faults(simulation, {"client"}, {"broker"});
    Scene scene{simulation, host, client, faults, true};
    return run(scene);
}

// The simulation sees what it is there to see: with log.flush.policy=os, as Kafka has it, a power loss takes
// acknowledged records away.
TEST(Simulation, finds_a_broker_that_acknowledges_before_it_syncs) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed)
        for (const auto& failure : run_plain(seed, 1, "os").failures)
            if (failure.find("was acknowledged") != std::string::npos) return;
    FAIL() << "no acknowledged record was lost in 200 seeds";
}

TEST(Simulation, a_broker_of_one_shard_keeps_what_it_acknowledged) { run_seeds("broker_1", 0.3, run_broker<1>); }
TEST(Simulation, a_broker_of_three_shards_keeps_what_it_acknowledged) { run_seeds("broker_3", 0.3, run_broker<3>); }
TEST(Simulation, segments_roll_expire_and_are_compacted_on_a_bad_disk) { run_seeds("storage", 0.4, run_storage); }

}  // namespace
}  // namespace ottla::test
