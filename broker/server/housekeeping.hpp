// SPDX-License-Identifier: Apache-2.0
// Housekeeping: what a broker does for its logs from time to time: writes its checkpoints, moves the front of logs
// that have too much, removes files that nobody reads any more. One coroutine on shard 0; the disk is touched on
// Workers, partitions on their shards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/workers.hpp"
#include "broker/log/log_directory.hpp"
#include "broker/server/config.hpp"
#include "broker/server/node.hpp"
#include "net/turn.hpp"
#include "net/until_stopped.hpp"

namespace ottla::broker {

class Partition;

class Housekeeping {
public:
    // Both must outlive it, and the node's directories.
    Housekeeping(Node& node, base::Workers& workers);

    // Ends after stop().
    boost::asio::awaitable<void> run();
    void stop() { life_.stop(); }
    // Returns when run() has ended, or was never called, and nothing is being written.
    boost::asio::awaitable<void> stopped();

    // Those directories where something has been done.
    using Done = std::vector<const log::LogDirectory*>;

    // Its tasks, now, on shard 0. What write() has gathered is on stable storage in the directories that it returns.
    boost::asio::awaitable<Done> write(log::Checkpoint);
    boost::asio::awaitable<void> apply_retention();

    // A whole directory goes when log.segment.delete.delay.ms have passed. On shard 0.
    void remove_tree_later(log::LogDirectory&, std::string path);
    // Files of segments that were replaced go when their delay has passed. On shard 0.
    void remove_later(log::LogDirectory&, log::Retired, std::int64_t delay_ms);

private:
    enum class Work : std::uint8_t {
        recovery_points,
        high_watermarks,
        start_offsets,
        retention,
        flush,
        expire_producers
    };
    struct Task {
        Work work;
        base::Duration interval;
        base::TimePoint due;
    };
    struct Removal {
        base::TimePoint due;
        log::LogDirectory* directory;
        log::Retired retired;
        std::string tree;  // or this
    };
    void add(Work, std::int64_t interval_ms);
    boost::asio::awaitable<void> perform(Work);
    boost::asio::awaitable<void> flush();
    boost::asio::awaitable<void> expire_producers();
    boost::asio::awaitable<void> remove(Removal);
    base::TimePoint next_due() const;
    base::TimePoint due_after(std::int64_t delay_ms) const;
    boost::asio::awaitable<void> remove_retired();
    // On each partition, on its shard; `visit` stays the caller's.
    template <class Visit>
    boost::asio::awaitable<void> for_each_partition(Visit& visit);
    boost::asio::awaitable<bool> write_in(log::LogDirectory&, log::Checkpoint);
    bool report(log::LogDirectory&, const Result<void>&);

    Node& node_;
    base::Workers& workers_;
    std::vector<Task> tasks_;
    std::vector<Removal> removals_;
    net::Turn writing_;
    net::UntilStopped life_;
};

}  // namespace ottla::broker
