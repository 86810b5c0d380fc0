// SPDX-License-Identifier: Apache-2.0
// ClusterHost: the machines of a simulated cluster: some brokers with a disk in memory each, and a controller that
// nothing befalls. There is no replication: who is to lead next gets the log from who led before.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/embedded/cluster_core.hpp"
#include "broker/log/memory_disk.hpp"
#include "tests/simulation/simulation.hpp"
#include "tests/simulation/unruly_answers.hpp"

namespace ottla::test {

class ClusterHost {
public:
    // `settings`: "key=value", of all brokers.
    ClusterHost(Simulation&, int brokers, std::vector<std::string> settings = {});

    asio::awaitable<void> start();
    asio::awaitable<void> stop();
    std::string bootstrap() const;
    // The brokers' names on the network.
    std::vector<std::string> hosts() const;
    UnrulyAnswers& answers() noexcept { return answers_; }

    // One partition gets another leader.
    asio::awaitable<void> move_leader(std::string topic, std::int32_t partitions);
    // One partition changes its leader again and again, and perhaps back.
    asio::awaitable<void> flap(std::string topic, std::int32_t partitions);
    // One broker is killed, or loses its power, and is started again a while later.
    asio::awaitable<void> lose_one(bool without_power);

    std::vector<std::string> problems;

private:
    struct Machine {
        std::unique_ptr<net::Transport> transport;
        broker::log::MemoryDisk disk;
    };

    broker::BrokerParts parts(int id);
    int any_broker() { return 1 + static_cast<int>(random_.below(static_cast<std::uint64_t>(brokers_))); }
    asio::awaitable<void> move(std::string topic, std::int32_t partition);
    asio::awaitable<void> wait_ms(std::int64_t least, std::int64_t most);

    Simulation& simulation_;
    base::Random random_;
    int brokers_;
    UnrulyAnswers answers_;
    std::map<int, Machine> machines_;  // 0: the controller's
    std::shared_ptr<broker::ClusterCore> core_;
};

}  // namespace ottla::test
