// SPDX-License-Identifier: Apache-2.0
// Waiting for the end of every sync that is under way, before what it works on goes.
#pragma once

#include <memory>
#include <span>

#include <boost/asio/awaitable.hpp>

#include "broker/log/log_io.hpp"
#include "broker/server/node.hpp"

namespace ottla::broker {

// `io`: one for each shard. On shard 0. What begins meanwhile is waited for only when it is in the same group.
boost::asio::awaitable<void> drain_syncs(const Node& node, std::span<const std::shared_ptr<log::LogIo>> io);

}  // namespace ottla::broker
