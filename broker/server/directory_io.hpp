// SPDX-License-Identifier: Apache-2.0
// DirectoryIo: the way from every shard to every log directory of a broker.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/workers.hpp"
#include "broker/log/log_directories.hpp"
#include "broker/log/log_io.hpp"
#include "broker/server/node.hpp"
#include "net/timers.hpp"

namespace ottla::broker {

class DirectoryIo {
public:
    // All must outlive it.
    DirectoryIo(const Node& node, const log::LogDirectories& directories, log::FlushPolicy policy,
                base::Workers& workers, net::Timers& timers);

    const std::shared_ptr<log::LogIo>& of(const log::LogDirectory& directory, std::size_t shard) const {
        return io_[places_.at(&directory)][shard];
    }
    // Waits for the end of every sync that is under way, before what it works on goes. On shard 0. What begins
    // meanwhile is waited for only when it is in the same group.
    boost::asio::awaitable<void> drain();

private:
    const Node& node_;
    std::map<const log::LogDirectory*, std::size_t> places_;    // in io_; never iterated
    std::vector<std::vector<std::shared_ptr<log::LogIo>>> io_;  // of each directory, for each shard
};

}  // namespace ottla::broker
