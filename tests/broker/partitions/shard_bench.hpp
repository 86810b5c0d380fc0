// SPDX-License-Identifier: Apache-2.0
// ShardBench: a shard's surroundings in one thread on virtual time: a disk in memory, workers that take a while, a
// log directory and its grouped sync.
#pragma once

#include <string>

#include <boost/asio.hpp>

#include "broker/log/group_sync.hpp"
#include "broker/log/memory_disk.hpp"
#include "broker/partitions/partition.hpp"
#include "net/simulated_workers.hpp"
#include "net/virtual_timers.hpp"
#include "tests/broker/log/batches.hpp"

namespace ottla::broker {

class ShardBench {
public:
    explicit ShardBench(log::FlushPolicy policy = log::FlushPolicy::ack) {
        directory_ = log::LogDirectory::open(disk_, "/data", {1, "cluster", Uuid{}}, {}).value();
        io_ = log::GroupSync::make(*directory_, policy, workers_, timers_, context_.get_executor());
    }
    ~ShardBench() {
        io_.reset();
        timers_.clear();
        run();
    }

    std::shared_ptr<Partition> partition(std::string topic = "orders", std::int32_t number = 0,
                                         PartitionSettings settings = {}) {
        auto log = directory_->create_log({topic, number}, Uuid{}, settings.log).value();
        return Partition::make({Uuid{}, number}, std::move(topic), std::move(log), io_, settings);
    }
    std::shared_ptr<Partition> leading(std::string topic = "orders", std::int32_t number = 0,
                                       PartitionSettings settings = {}) {
        auto made = partition(std::move(topic), number, settings);
        made->lead(0);
        return made;
    }

    // Runs what is ready, without moving time.
    void run() {
        context_.restart();
        context_.poll();
    }
    // Moves time on, deadline by deadline.
    void pass(base::Duration by) {
        const auto until = timers_.now() + by;
        run();
        while (timers_.next_deadline() && *timers_.next_deadline() <= until) {
            timers_.advance_to(*timers_.next_deadline());
            run();
        }
        timers_.advance_to(until);
        run();
    }

    log::MemoryDisk& disk() { return disk_; }
    log::LogDirectory& directory() { return *directory_; }
    log::GroupSync& io() { return *io_; }
    boost::asio::io_context& context() { return context_; }
    net::VirtualTimers& timers() { return timers_; }
    base::Workers& workers() { return workers_; }

private:
    boost::asio::io_context context_;
    net::VirtualTimers timers_;
    net::SimulatedWorkers workers_{timers_, context_.get_executor(), base::Random(1), std::chrono::milliseconds(2),
                                   std::chrono::milliseconds(2)};
    log::MemoryDisk disk_;
    std::unique_ptr<log::LogDirectory> directory_;
    std::shared_ptr<log::GroupSync> io_;
};

}  // namespace ottla::broker
