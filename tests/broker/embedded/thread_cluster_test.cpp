// SPDX-License-Identifier: Apache-2.0
// The public Cluster, on real sockets.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <ottla/broker/cluster.hpp>
#include <ottla/protocol/messages/metadata_request.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>
#include "net/client_channel.hpp"
#include "net/tcp.hpp"

namespace ottla::broker {
namespace {

namespace asio = boost::asio;

asio::awaitable<Result<protocol::MetadataResponse>> ask(net::Transport& transport, net::Timers& timers,
                                                        base::BufferPool& pool, net::Endpoint where) {
    const auto deadline = timers.now() + std::chrono::seconds(10);
    net::ClientChannelOptions options;
    auto channel =
        co_await net::ClientChannel::open(transport, timers, pool, std::move(where), std::move(options), deadline);
    if (!channel) co_return channel.error();
    protocol::MetadataRequest request;
    request.topics.reset();
    auto response = co_await (*channel)->call(std::move(request), 12, deadline);
    (*channel)->close();
    co_return response;
}

Result<protocol::MetadataResponse> metadata_from(const net::Endpoint& where) {
    asio::io_context io;
    net::SystemTimers timers;
    net::TcpTransport transport(timers);
    base::BufferPool pool(1 << 20);
    auto response = asio::co_spawn(io, ask(transport, timers, pool, where), asio::use_future);
    io.run();
    return response.get();
}

TEST(EmbeddedCluster, serves_on_real_sockets) {
    auto cluster = Cluster::start({.brokers = 3});
    ASSERT_TRUE(cluster.has_value()) << cluster.error().text();
    ASSERT_TRUE(cluster->create_topic("t", 3).has_value());
    const auto where = net::Endpoint::parse_list(cluster->bootstrap_servers());
    ASSERT_TRUE(where.has_value());
    ASSERT_EQ(where->size(), 3U);
    for (const auto& one : *where) {
        const auto metadata = metadata_from(one);
        ASSERT_TRUE(metadata.has_value()) << metadata.error().text();
        EXPECT_EQ(metadata->brokers.size(), 3U);
        EXPECT_EQ(metadata->topics.at(0).partitions.size(), 3U);
    }
    EXPECT_EQ(cluster->count(protocol::ApiKey::metadata), 3U);

    ASSERT_TRUE(cluster->broker_down(2).has_value());
    EXPECT_FALSE(metadata_from((*where)[1]).has_value());
    EXPECT_EQ(metadata_from((*where)[0])->brokers.size(), 2U);
    ASSERT_TRUE(cluster->broker_up(2).has_value());
    EXPECT_EQ(metadata_from((*where)[1])->brokers.size(), 3U);

    const int leader = *cluster->leader("t", 0);
    ASSERT_TRUE(cluster->move_leader("t", 0, leader % 3 + 1).has_value());
    EXPECT_EQ(*cluster->leader("t", 0), leader % 3 + 1);
}

TEST(EmbeddedCluster, refuses_what_it_cannot_be) {
    EXPECT_EQ(Cluster::start({.brokers = 0}).error().code(), ErrorCode::invalid_argument);
    ClusterOptions options;
    options.config = {"num.partitions=none"};
    EXPECT_EQ(Cluster::start(options).error().code(), ErrorCode::invalid_config);
}

}  // namespace
}  // namespace ottla::broker
