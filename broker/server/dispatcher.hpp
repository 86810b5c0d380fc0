// SPDX-License-Identifier: Apache-2.0
// Dispatcher: stands between the connections of one listener on one shard and the table of APIs.
#pragma once

#include <string>

#include "broker/server/node.hpp"
#include "net/server_session.hpp"

namespace ottla::broker {

class Dispatcher final : public net::RequestHandler {
public:
    Dispatcher(Node& node, Shard& shard, std::string listener_name)
        : node_(node),
          shard_(shard),
          listener_name_(std::move(listener_name)) {}

    std::optional<protocol::VersionRange> serves(protocol::ApiKey) const override;
    boost::asio::awaitable<net::Reply> handle(net::RequestFrame) override;

private:
    Node& node_;
    Shard& shard_;
    std::string listener_name_;
};

}  // namespace ottla::broker
