// SPDX-License-Identifier: Apache-2.0
// Node: what the shards of one broker share. Set up before the first connection, constant afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "broker/server/shard.hpp"

namespace ottla::base {
class Workers;
}
namespace ottla::net {
class Timers;
}

namespace ottla::broker {

struct BrokerConfig;
class ControllerClient;
class Housekeeping;
class RequestHook;
namespace log {
class LogDirectory;
}

struct Node {
    std::int32_t id = 0;
    std::string cluster_id;
    const BrokerConfig* config = nullptr;
    net::Timers* timers = nullptr;           // also the base::Clock
    ControllerClient* controller = nullptr;  // request and reply, also when the controller is this very node
    RequestHook* hook = nullptr;             // fault scripts and request log of an embedded cluster; or null
    base::Workers* workers = nullptr;        // for what blocks
    Housekeeping* housekeeping = nullptr;    // on shard 0; null in a handler's own tests
    base::Log log;
    std::vector<log::LogDirectory*> directories;  // those of log.dirs, in that order
    std::vector<std::unique_ptr<Shard>> shards;   // K of them

    std::size_t owner_index(const PartitionKey& key) const noexcept {
        return shards.size() == 1 ? 0 : hash_value(key) % shards.size();
    }
    Shard& owner_of(const PartitionKey& key) const noexcept { return *shards[owner_index(key)]; }
};

}  // namespace ottla::broker
