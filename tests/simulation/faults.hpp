// SPDX-License-Identifier: Apache-2.0
// The faults of a simulation: at moments that the seed chooses, of kinds that the seed enables. The network breaks
// whatever else is broken just then. After `heal()` the world is whole and stays so.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/simulation.hpp"

namespace ottla::test {

class Faults {
public:
    // Between these hosts, any of `clients` with any of `servers`.
    Faults(Simulation&, std::vector<std::string> clients, std::vector<std::string> servers);

    // A fault of the test's own (a broker killed and restarted). It runs to its end before the next of these.
    void add(std::string kind, std::function<asio::awaitable<void>()> act);
    // Until `end`; then everything is healed. Only a part of the kinds is enabled, as the seed chooses.
    asio::awaitable<void> run(TimePoint end);

private:
    struct Kind {
        std::string name;
        std::function<asio::awaitable<void>()> act;
    };
    // Of the network or of the hosts, one after the other.
    asio::awaitable<void> run_some(std::vector<Kind> kinds, base::Random random, TimePoint end);
    asio::awaitable<void> cut(bool both_ways);
    asio::awaitable<void> reset_one();
    asio::awaitable<void> slow_down();
    const std::string& pick(const std::vector<std::string>& hosts) { return hosts[random_.below(hosts.size())]; }

    Simulation& simulation_;
    base::Random random_;
    std::vector<std::string> clients_;
    std::vector<std::string> servers_;
    std::vector<Kind> of_network_;
    std::vector<Kind> of_hosts_;
};

}  // namespace ottla::test
