// SPDX-License-Identifier: Apache-2.0
// SnapshotLoop: writes snapshots of the metadata when they are due, and removes what older ones and the log's oldest
// segments need no more. The files are written on Workers from an immutable image; the controller goes on meanwhile.
#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/log.hpp"
#include "base/workers.hpp"
#include "broker/metadata/metadata_log.hpp"
#include "broker/metadata/snapshot_policy.hpp"
#include "net/signal.hpp"
#include "net/timers.hpp"

namespace ottla::broker {

class SnapshotLoop {
public:
    // `store` lives on `executor`, and has been replayed.
    SnapshotLoop(boost::asio::any_io_executor executor, net::Timers& timers, base::Workers& workers, base::Log log,
                 std::shared_ptr<MetadataLog> store, const SnapshotLimits& limits);

    // Everything in the image is on stable storage, and is all that the log says. On the executor.
    void committed(ImagePtr image);

    // Until stop(): a snapshot that is being written is written first.
    boost::asio::awaitable<void> run();
    void stop();

private:
    boost::asio::awaitable<Result<void>> take();
    boost::asio::awaitable<Result<void>> clean();
    boost::asio::awaitable<Result<void>> remove_snapshots(std::vector<SnapshotId> dropped);
    void report(const Error&);

    net::Timers& timers_;
    base::Workers& workers_;
    base::Log log_;
    std::shared_ptr<MetadataLog> store_;
    SnapshotLimits limits_;
    SnapshotPolicy policy_;
    std::uint64_t counted_ = 0;  // of the bytes that the store has seen
    ImagePtr image_;             // null: nothing was committed since the start
    std::int64_t image_timestamp_ = 0;
    net::Signal wake_;
    bool stopped_ = false;
};

}  // namespace ottla::broker
