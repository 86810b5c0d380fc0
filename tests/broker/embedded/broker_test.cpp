// SPDX-License-Identifier: Apache-2.0
// One broker that is its own controller, as ottla-broker runs it.
#include <gtest/gtest.h>

#include "broker/log/memory_disk.hpp"
#include "broker/server/broker.hpp"
#include "net/memory_network.hpp"
#include "net/simulated_workers.hpp"
#include "tests/net/kafka_pair.hpp"
#include "tests/support/virtual_loop.hpp"

namespace ottla::broker {
namespace {

using namespace std::chrono_literals;

class OneBroker : public ::testing::Test {
protected:
    std::shared_ptr<Broker> broker_on(log::Disk& on, const std::string& directory, int node_id = 1,
                                      std::string cluster_id = "") {
        auto config = BrokerConfig::parse(
            "listeners=PLAINTEXT://host:9092\nlog.dirs=" + directory + "\nnode.id=" + std::to_string(node_id), {});
        EXPECT_TRUE(config.has_value());
        BrokerParts parts;
        parts.shards = {loop.io.get_executor()};
        parts.timers = &loop.timers;
        parts.transport = transport.get();
        parts.disk = &on;
        parts.workers = &workers;
        parts.random = random.split();
        parts.cluster_id = std::move(cluster_id);
        parts.log = base::Log("broker", base::LogLevel::warn,
                              [this](auto, auto, std::string_view text) { lines.emplace_back(text); });
        return Broker::make(std::move(*config), std::move(parts));
    }
    Result<void> start(const std::shared_ptr<Broker>& broker) { return *loop.run(broker->start()); }
    void stop(const std::shared_ptr<Broker>& broker) {
        EXPECT_TRUE(loop.run(broker->stop(loop.timers.now() + std::chrono::seconds(5))));
    }

    test::VirtualLoop loop;
    net::MemoryNetwork network{loop.timers, base::Random(1)};
    std::unique_ptr<net::Transport> transport = network.host("host");
    net::SimulatedWorkers workers{loop.timers, loop.io.get_executor(), base::Random(2), std::chrono::microseconds(1),
                                  std::chrono::microseconds(9)};
    base::Random random{3};
    log::MemoryDisk disk;
    std::vector<std::string> lines;
};

TEST_F(OneBroker, keeps_its_cluster_over_a_restart) {
    auto broker = broker_on(disk, "/d");
    ASSERT_TRUE(start(broker).has_value());
    const auto cluster = broker->cluster_id();
    EXPECT_EQ(broker->node().shards.front()->image()->features().at("metadata.version"), 30);
    stop(broker);
    broker.reset();
    EXPECT_TRUE(*disk.exists("/d/.kafka_cleanshutdown"));
    auto again = broker_on(disk, "/d", 1, cluster);
    ASSERT_TRUE(start(again).has_value());
    EXPECT_EQ(again->cluster_id(), cluster);
    stop(again);
}

TEST_F(OneBroker, a_directory_has_one_broker_one_node_and_one_cluster) {
    auto broker = broker_on(disk, "/d");
    ASSERT_TRUE(start(broker).has_value());
    const auto second = broker_on(disk, "/d");
    EXPECT_EQ(start(second).error().code(), ErrorCode::locked);
    stop(second);  // as main does, whatever became of the start
    stop(broker);
    broker.reset();
    EXPECT_EQ(start(broker_on(disk, "/d", 2)).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(start(broker_on(disk, "/d", 1, "other")).error().code(), ErrorCode::inconsistent_cluster_id);
}

TEST_F(OneBroker, a_start_that_fails_does_not_vouch_for_the_logs) {
    auto first = broker_on(disk, "/first");
    ASSERT_TRUE(start(first).has_value());
    auto second = broker_on(disk, "/second");
    EXPECT_EQ(start(second).error().code(), ErrorCode::transport);  // the port is taken
    stop(second);
    EXPECT_FALSE(*disk.exists("/second/.kafka_cleanshutdown"));
    stop(first);
}

// Advertised, since librdkafka looks for them (KIP-896), but what they carry is no batch of ours.
TEST_F(OneBroker, produce_below_version_3_ends_the_connection_and_says_why) {
    auto broker = broker_on(disk, "/d");
    ASSERT_TRUE(start(broker).has_value());
    for (const std::string version : {"0", "1", "2"}) {
        lines.clear();
        auto stream = loop.run(transport->connect(net::Endpoint("host", 9092), loop.timers.now() + 1s));
        ASSERT_TRUE(stream && *stream);
        net::RawPeer peer(loop, std::move(**stream));
        const std::array<std::uint8_t, 10> no_topics{0xff, 0xff, 0, 0, 0x03, 0xe8, 0, 0, 0, 0};  // acks=-1, 1 s
        peer.send_request(0, static_cast<std::int16_t>(std::stoi(version)), 1, 1, no_topics);
        loop.settle();
        EXPECT_TRUE(peer.ended);
        EXPECT_TRUE(peer.received.empty());
        ASSERT_EQ(lines.size(), 1U);
        EXPECT_NE(lines[0].find("Produce version " + version + " is not served"), std::string::npos) << lines[0];
    }
    stop(broker);
}

}  // namespace
}  // namespace ottla::broker
