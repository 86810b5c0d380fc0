// SPDX-License-Identifier: Apache-2.0
// DirectoryReports: tells the controller in which log directories this broker's partitions lie, and which of them have
// failed: what a broker far away says by AssignReplicasToDirs and in its heartbeats (KIP-858). One coroutine on shard
// 0, since nobody may wait for the controller while it waits for this broker.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include <boost/asio/awaitable.hpp>

#include "broker/metadata/controller_requests.hpp"
#include "broker/server/node.hpp"
#include "broker/server/partition_key.hpp"
#include "net/until_stopped.hpp"

namespace ottla::broker {

class DirectoryReports {
public:
    // The node must outlive it.
    explicit DirectoryReports(Node& node);

    // On shard 0. What was said last of a partition counts.
    void assign(const PartitionKey& key, const Uuid& directory);
    void failed(const Uuid& directory);

    // Until stop(). What the controller cannot hear now is said again.
    boost::asio::awaitable<void> run(std::int64_t broker_epoch);
    void stop() { life_.stop(); }
    // Returns when run() has ended, or was never called.
    boost::asio::awaitable<void> stopped() { return life_.ended(); }

private:
    boost::asio::awaitable<bool> tell_failures(std::int64_t broker_epoch);
    boost::asio::awaitable<bool> tell_assignments(std::int64_t broker_epoch);
    protocol::AssignReplicasToDirsRequest next_assignments(std::int64_t broker_epoch) const;

    Node& node_;
    std::map<PartitionKey, Uuid> assigned_;  // not heard yet
    std::set<Uuid> failed_;                  // nor these
    net::UntilStopped life_;
};

}  // namespace ottla::broker
