// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/simulation.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ottla::test {

namespace {

using namespace std::chrono_literals;

net::MemoryNetworkOptions draw_network(base::Random& random) {
    net::MemoryNetworkOptions options;
    options.fragment = random.chance(0.7);
    options.delay_min = std::chrono::microseconds(random.between(0, 500));
    options.delay_max =
        options.delay_min + std::chrono::microseconds(random.between(0, random.chance(0.2) ? 50'000 : 2'000));
    options.window_bytes = static_cast<std::size_t>(random.chance(0.3) ? random.between(500, 5'000) : 256 * 1024);
    return options;
}

std::optional<std::uint64_t> number_from(const char* variable) {
    const char* text = std::getenv(variable);
    if (!text || !*text) return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

}  // namespace

Simulation::Simulation(std::uint64_t seed)
    : seed_(seed),
      random_(seed),
      print_(std::getenv("OTTLA_SIM_TRACE") != nullptr),
      network(loop.timers, random_.split(), draw_network(random_)),
      workers(loop.timers, loop.io.get_executor(), random_.split(), 10us,
              std::chrono::microseconds(random_.between(20, 5'000))) {
    network.on_event([this](const net::MemoryNetworkEvent& e) {
        mix(static_cast<std::uint64_t>(loop.timers.now().time_since_epoch().count()));
        mix(e.connection * 16 + static_cast<std::uint64_t>(e.kind) * 2 + static_cast<std::uint64_t>(e.to));
        mix(e.checksum);
        if (print_)
            std::cerr << fmt::format("{:.6f} connection {} to {}: kind {} {:x}\n", simulated_seconds(), e.connection,
                                     e.to, static_cast<int>(e.kind), e.checksum);
    });
}

void Simulation::mix(std::uint64_t value) noexcept {
    hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15U;
    hash_ ^= hash_ >> 32;
}

double Simulation::simulated_seconds() const {
    return std::chrono::duration<double>(loop.timers.now().time_since_epoch()).count();
}

void Simulation::note(std::string_view what) {
    mix(static_cast<std::uint64_t>(loop.timers.now().time_since_epoch().count()));
    for (const char c : what) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    mix(what.size());
    if (print_) std::cerr << fmt::format("{:.6f} {}\n", simulated_seconds(), what);
}

void Simulation::note_fault(const std::string& kind) {
    ++faults_[kind];
    note("fault: " + kind);
}

base::Log Simulation::log(std::string name) {
    return base::Log(std::move(name), base::LogLevel::info,
                     [this](base::LogLevel, std::string_view logger, std::string_view text) {
                         note(fmt::format("{}: {}", logger, text));
                     });
}

namespace {

struct Totals {
    std::uint64_t seeds = 0;
    std::uint64_t twice = 0;  // of them
    std::uint64_t failed = 0;
    std::map<std::string, std::uint64_t> fired_in;  // fault → seeds in which it fired
    double simulated_seconds = 0;
    std::uint64_t events = 0;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();

    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }

    void print(const std::string& name) const {
        const double wall = std::max(seconds(), 1e-9);
        std::cout << fmt::format(
            "SIMULATION {}: {} seeds, {} of them twice, {} failed; {:.0f} simulated s, {} events in {:.1f} s: {:.0f} "
            "simulated s and {:.0f} events per wall second\n",
            name, seeds, twice, failed, simulated_seconds, events, wall, simulated_seconds / wall,
            static_cast<double>(events) / wall);
        for (const auto& [fault, count] : fired_in)
            std::cout << fmt::format(
                "  fault {:<24} in {:>5} seeds ({:.0f} %)\n", fault, count,
                100.0 * static_cast<double>(count) / static_cast<double>(std::max<std::uint64_t>(seeds, 1)));
        std::cout << std::flush;
    }
};

void run_seed(const std::string& name, Outcome (*run)(std::uint64_t), std::uint64_t seed, bool twice, Totals& totals) {
    const auto run_once = [run, seed] {
        try {
            return run(seed);
        } catch (const std::exception& e) {
            Outcome outcome;
            outcome.failures.emplace_back(e.what());
            return outcome;
        }
    };
    const auto run_counted = [&] {
        Outcome outcome = run_once();
        totals.simulated_seconds += outcome.simulated_seconds;
        totals.events += outcome.events;
        return outcome;
    };
    Outcome first = run_counted();
    ++totals.seeds;
    for (const auto& [fault, count] : first.faults)
        if (count != 0) ++totals.fired_in[fault];
    if (twice) {
        ++totals.twice;
        if (const Outcome second = run_counted(); first.hash != second.hash)
            first.failures.emplace_back(
                fmt::format("two runs of the seed differ: {:x} and {:x}", first.hash, second.hash));
    }
    if (first.failures.empty()) return;
    ++totals.failed;
    constexpr std::size_t told = 20;
    if (first.failures.size() > told) {
        const auto more = first.failures.size() - told;
        first.failures.resize(told);
        first.failures.push_back(fmt::format("and {} more", more));
    }
    for (const auto& failure : first.failures)
        ADD_FAILURE() << name << ", seed " << seed << ": " << failure << "\n  replay: scripts/test --seed " << seed
                      << " (OTTLA_SIM_SEED=" << seed << ", with OTTLA_SIM_TRACE=1 for every event)";
}

}  // namespace

void run_seeds(const std::string& name, double share, Outcome (*run)(std::uint64_t), double share_of_seeds) {
    Totals totals;
    if (const auto seed = number_from("OTTLA_SIM_SEED")) {
        std::cout << "SIMULATION " << name << ": seed " << *seed << std::endl;
        run_seed(name, run, *seed, true, totals);
        return totals.print(name);
    }
    std::ifstream recorded(fmt::format("{}/tests/simulation/seeds/{}.txt", OTTLA_SOURCE_DIR, name));
    EXPECT_TRUE(recorded) << "no recorded seeds of " << name;
    for (std::string line; std::getline(recorded, line);)
        if (!line.empty() && line[0] != '#')
            run_seed(name, run, std::strtoull(line.c_str(), nullptr, 10), true, totals);
    // A change is judged by the same seeds everywhere; others are for whoever looks for what nobody has seen yet.
    const double limit = share * static_cast<double>(number_from("OTTLA_SIM_SECONDS").value_or(5));
    const double least = share_of_seeds * static_cast<double>(number_from("OTTLA_SIM_SEEDS").value_or(0));
    const std::uint64_t first =
        number_from("OTTLA_SIM_FRESH") ? base::seed_from_system() % 1'000'000'000'000 : std::uint64_t{1000};
    std::cout << "SIMULATION " << name << ": " << totals.seeds << " recorded seeds, then those from " << first
              << std::endl;
    for (std::uint64_t n = 0;
         (totals.seconds() < limit || static_cast<double>(totals.seeds) < least) && totals.failed < 5; ++n)
        run_seed(name, run, first + n, n % 4 == 0, totals);
    totals.print(name);
}

}  // namespace ottla::test
