// SPDX-License-Identifier: Apache-2.0
// BrokerHost: the machine that a simulated broker runs on. Its disk is in memory, and loses at a power loss what was
// not synced.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/log/memory_disk.hpp"
#include "broker/server/broker.hpp"
#include "tests/simulation/simulation.hpp"

namespace ottla::test {

class BrokerHost {
public:
    // `settings`: lines of the broker's config besides its id, listener and directory.
    BrokerHost(Simulation&, std::size_t shards, std::vector<std::string> settings);

    asio::awaitable<void> start();
    // In order, as after SIGTERM.
    asio::awaitable<void> stop();
    enum class End : std::uint8_t { stopped, killed, power_lost };
    // Ends so, and is started again a while later; `meanwhile` with what is on the disk.
    asio::awaitable<void> again(End, std::function<void()> meanwhile = {});

    // No room for a while, but perhaps for a part of what comes next: writes are refused, reads go on.
    asio::awaitable<void> fill_disk();
    // One write or sync fails; the disk is never asked again to sync that file. Some time later the machine is started
    // again, by hand as it were; what was acknowledged in between is there.
    asio::awaitable<void> break_disk();
    // Reads fail now and then for a while. The broker may be started again after that, by hand as it were.
    asio::awaitable<void> break_reads();
    // The disk takes up to seconds for everything. The broker may end while it does.
    asio::awaitable<void> slow_disk();
    // A bit of the topic's files turns while the broker is down, however that came.
    asio::awaitable<void> turn_bit(std::string topic, std::int32_t partitions);

    // Those whose records a turned bit may have hit.
    const std::set<std::int32_t>& damaged() const noexcept { return damaged_; }
    End any_end() { return static_cast<End>(random_.below(3)); }

    std::vector<std::string> problems;

private:
    using MemoryDisk = broker::log::MemoryDisk;
    // SIGKILL, or, `without_power`, the machine itself: then what was not synced may be lost or torn.
    asio::awaitable<void> die(bool without_power);
    void turn_bit_in(const std::string& directory, std::int32_t partition);
    asio::awaitable<void> wait_ms(std::int64_t least, std::int64_t most);

    Simulation& simulation_;
    base::Random random_;
    std::size_t shards_;
    std::vector<std::string> settings_;
    std::unique_ptr<net::Transport> transport_;
    MemoryDisk disk_;
    std::shared_ptr<broker::Broker> broker_;
    std::set<std::int32_t> damaged_;
};

}  // namespace ottla::test
