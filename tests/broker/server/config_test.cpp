// SPDX-License-Identifier: Apache-2.0
#include "broker/server/config.hpp"

#include <gtest/gtest.h>

namespace ottla::broker {
namespace {

std::string refusal_of(std::string_view text) {
    const auto config = BrokerConfig::parse(text, {});
    return config ? "" : std::string(config.error().text());
}

TEST(BrokerConfig, an_empty_file_makes_a_cluster_of_one) {
    const auto config = BrokerConfig::parse("", {});
    ASSERT_TRUE(config.has_value()) << config.error().text();
    EXPECT_EQ(config->node_id, 1);
    EXPECT_EQ(config->log_dirs, std::vector<std::string>{"/tmp/kafka-logs"});
    EXPECT_EQ(config->metadata_log_dir, "/tmp/kafka-logs");
    EXPECT_EQ(config->listeners, (std::vector<ListenerConfig>{{"PLAINTEXT", "", 9092, 0}}));
    EXPECT_FALSE(config->network_threads.has_value());
    EXPECT_TRUE(config->auto_create_topics);
    EXPECT_EQ(config->flush_policy, FlushPolicy::ack);
}

TEST(BrokerConfig, reads_a_server_properties_file_of_kafka) {
    const auto config = BrokerConfig::parse(
        "process.roles=broker,controller\n"
        "node.id=7\n"
        "controller.quorum.voters=7@localhost:9093\n"
        "listeners=PLAINTEXT://127.0.0.1:9192,CONTROLLER://:9193\n"
        "inter.broker.listener.name=PLAINTEXT\n"
        "advertised.listeners=PLAINTEXT://kafka.example:9092\n"
        "controller.listener.names=CONTROLLER\n"
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL\n"
        "num.network.threads=2\n"
        "log.dirs=/var/lib/ottla\n"
        "num.partitions=3\n"
        "log.retention.hours=168\n",
        std::vector<std::string>{"num.partitions=5", "log.flush.policy=os"});
    ASSERT_TRUE(config.has_value()) << config.error().text();
    EXPECT_EQ(config->node_id, 7);
    EXPECT_EQ(config->listeners, (std::vector<ListenerConfig>{{"PLAINTEXT", "127.0.0.1", 9192, 0}}));
    EXPECT_EQ(config->controller_listeners, (std::vector<ListenerConfig>{{"CONTROLLER", "", 9193, 0}}));
    EXPECT_EQ(config->advertised, (std::vector<ListenerConfig>{{"PLAINTEXT", "kafka.example", 9092, 0}}));
    EXPECT_EQ(config->network_threads, 2);
    EXPECT_EQ(config->log_dirs, std::vector<std::string>{"/var/lib/ottla"});
    EXPECT_EQ(config->num_partitions, 5);
    EXPECT_EQ(config->flush_policy, FlushPolicy::os);
}

TEST(BrokerConfig, takes_several_log_directories) {
    const auto config = BrokerConfig::parse("log.dirs=/a,/b//c/\nlog.dir=/unused\n", {});
    ASSERT_TRUE(config.has_value()) << config.error().text();
    EXPECT_EQ(config->log_dirs, (std::vector<std::string>{"/a", "/b/c"}));
    EXPECT_EQ(config->metadata_log_dir, "/a");
    EXPECT_EQ(BrokerConfig::parse("log.dirs=/a\nmetadata.log.dir=/m/\n", {}).value().metadata_log_dir, "/m");
    EXPECT_EQ(refusal_of("log.dirs=/a,/b,/a/"), "log.dirs: '/a/' is named twice");
}

TEST(BrokerConfig, refuses_what_cannot_be_right_and_says_why) {
    EXPECT_EQ(refusal_of("num.partition=3"), "unknown broker config 'num.partition'; did you mean 'num.partitions'?");
    EXPECT_EQ(refusal_of("num.partitions=three"),
              "Invalid value three for configuration num.partitions: not a number of 32 bits");
    EXPECT_EQ(refusal_of("num.partitions=0"), "Invalid value 0 for configuration num.partitions: must be in [1,...]");
    EXPECT_EQ(refusal_of("listeners=PLAINTEXT"), "listeners: 'PLAINTEXT' is not of the form NAME://host:port");
    EXPECT_EQ(refusal_of("listeners=SSL://:9092"), "listener SSL wants the protocol SSL; this broker offers PLAINTEXT");
    EXPECT_EQ(refusal_of("advertised.listeners=PLAINTEXT://:9092"),
              "advertised.listeners: PLAINTEXT needs a host that clients can reach");
    EXPECT_EQ(refusal_of("advertised.listeners=OTHER://a:1\nlistener.security.protocol.map=OTHER:PLAINTEXT"),
              "advertised.listeners names OTHER, listeners does not");
    EXPECT_NE(refusal_of("process.roles=broker"), "");
    EXPECT_NE(refusal_of("leader.replication.throttled.rate=5"), "");
}

TEST(BrokerConfig, a_listener_may_be_an_ipv6_address_and_any_port) {
    EXPECT_EQ(*parse_listener("plaintext://[::1]:0"), (ListenerConfig{"PLAINTEXT", "::1", 0, 0}));
    EXPECT_FALSE(parse_listener("PLAINTEXT://host:70000").has_value());
    EXPECT_FALSE(parse_listener("://host:1").has_value());
}

}  // namespace
}  // namespace ottla::broker
