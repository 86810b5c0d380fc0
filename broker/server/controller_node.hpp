// SPDX-License-Identifier: Apache-2.0
// ControllerNode: the controller of a quorum of one, brought up on a log directory: its metadata log replayed, its
// leadership written, the first records of a new cluster written, its loop and that of its snapshots running.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/random.hpp"
#include "broker/metadata/controller_loop.hpp"
#include "broker/metadata/snapshot_loop.hpp"
#include "broker/server/config.hpp"

namespace ottla::broker {

class ControllerNode {
public:
    struct Parts {
        boost::asio::any_io_executor executor;
        net::Timers* timers = nullptr;
        std::shared_ptr<log::LogIo> io;  // serves the directory, on the executor
        base::Random random{0};
        base::Log log;
    };

    // Blocks on the disk. `endpoints` are the controller's own.
    static Result<std::unique_ptr<ControllerNode>> start(log::LogDirectory&, const BrokerConfig&, Parts parts);
    // Ends the loops and syncs the log; false when that failed. Before it, nobody may be waiting for a reply.
    boost::asio::awaitable<bool> stop();
    // The loops end with what they are at; nothing is synced. What a crash does.
    boost::asio::awaitable<void> abandon();

    ControllerLoop& loop() noexcept { return *loop_; }

private:
    ControllerNode() = default;

    std::shared_ptr<MetadataLog> store_;
    std::shared_ptr<ControllerLoop> loop_;  // shared with its coroutine
    std::shared_ptr<SnapshotLoop> snapshots_;
    std::shared_ptr<net::Signal> ended_;
    std::shared_ptr<net::Signal> snapshots_ended_;
};

}  // namespace ottla::broker
