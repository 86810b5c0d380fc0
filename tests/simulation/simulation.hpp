// SPDX-License-Identifier: Apache-2.0
// Simulation: everything that one seed decides: virtual time, a network in memory, workers without threads, chance,
// and a hash over all that happened. Whole brokers and clients run on its loop, in the test's own thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/random.hpp"
#include "net/memory_network.hpp"
#include "net/simulated_workers.hpp"
#include "tests/support/virtual_loop.hpp"

namespace ottla::test {

class Simulation {
public:
    // The seed also chooses how slow and how torn the network is, and how slow the workers are.
    explicit Simulation(std::uint64_t seed);

    std::uint64_t seed() const noexcept { return seed_; }
    // For a part of the test, without disturbing the others.
    base::Random chance() { return random_.split(); }
    base::Log log(std::string name);

    // Goes into the hash, and into the trace when that is kept.
    void note(std::string_view what);
    void note_fault(const std::string& kind);
    std::uint64_t hash() const noexcept { return hash_; }
    const std::map<std::string, std::uint64_t>& faults() const noexcept { return faults_; }
    double simulated_seconds() const;

    VirtualLoop loop;

private:
    void mix(std::uint64_t value) noexcept;
    std::uint64_t seed_;
    base::Random random_;
    bool print_;
    std::uint64_t hash_ = 0;
    std::map<std::string, std::uint64_t> faults_;

public:
    net::MemoryNetwork network;  // before the loop goes, what waits in it goes
    net::SimulatedWorkers workers;
};

// What one run of one seed came to.
struct Outcome {
    std::vector<std::string> failures;
    std::uint64_t hash = 0;
    std::map<std::string, std::uint64_t> faults;
    double simulated_seconds = 0;
    std::uint64_t events = 0;
};

// Runs the recorded seeds (tests/simulation/seeds/NAME.txt), then those from 1,000 on, or with OTTLA_SIM_FRESH fresh
// ones, until its share of the program's OTTLA_SIM_SECONDS is used up and so many of OTTLA_SIM_SEEDS have run; with
// OTTLA_SIM_SEED only that one. What is recorded or asked for, and each fourth of the others, runs twice and must come
// to the same hash. Prints what failed with the way to replay it, how many seeds ran, which faults fired in how many of
// them, and the speed.
void run_seeds(const std::string& name, double share, Outcome (*run)(std::uint64_t seed), double share_of_seeds = 1);

}  // namespace ottla::test
