// SPDX-License-Identifier: Apache-2.0
// The blocking calls of producer and writer, against a real broker in this process, on real sockets and threads.
#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <ottla/broker/cluster.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>
#include <ottla/writer.hpp>

namespace ottla {
namespace {

using namespace std::chrono_literals;

TEST(ProducerBroker, blocks_while_the_queue_is_full) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t").value();
    auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()},
                                      {"queue.buffering.max.messages", 10},
                                      {"linger.ms", 0}})
                        .value();
    std::atomic<int> delivered{0};
    for (int i = 0; i < 500; ++i) {
        const std::string value = std::to_string(i);
        Record record;
        record.topic = "t";
        record.value = value;
        const auto taken = producer.produce(
            record, [&delivered](const DeliveryReport& r) { delivered += r ? 1 : 0; }, 30s);
        ASSERT_TRUE(taken) << i << ": " << to_string(taken.error());
    }
    ASSERT_TRUE(producer.close(30s));
    EXPECT_EQ(delivered, 500);
    EXPECT_EQ(producer.produce(Record{.topic = "t"}, nullptr, 30s).error(), ErrorCode::closed);
}

TEST(ProducerBroker, blocks_no_longer_than_it_may) {
    // Nobody listens there.
    auto producer =
        Producer::create({{"bootstrap.servers", "127.0.0.1:1"}, {"queue.buffering.max.messages", 1}, {"log_level", 0}})
            .value();
    ASSERT_TRUE(producer.produce(Record{.topic = "t"}, nullptr, 30s));
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(producer.produce(Record{.topic = "t"}, nullptr, 20ms).error(), ErrorCode::queue_full);
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 20ms);
}

TEST(WriterBroker, writes_in_turn_to_all_partitions_and_blocks_until_all_is_acknowledged) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t", 3).value();
    auto writer = Writer::create({.brokers = cluster.bootstrap_servers(),
                                  .topic = "t",
                                  .max_attempts = 3,
                                  .config = {{"queue.buffering.max.messages", 10}}})
                      .value();
    std::vector<Record> messages(300);
    for (Record& m : messages) m.value = "some value";
    const auto written = writer.write_messages(messages, 30s);
    ASSERT_TRUE(written) << to_string(written.error());
    EXPECT_EQ(writer.stats().messages, 300U);
    EXPECT_EQ(writer.stats().bytes, 3000U);

    auto consumer = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    for (std::int32_t p = 0; p < 3; ++p)
        EXPECT_EQ(consumer.query_watermark_offsets("t", p, 10s).value().high, Offset(100)) << p;
    ASSERT_TRUE(writer.close(10s));
    EXPECT_EQ(writer.write_messages(messages, 30s).error().count(), 300U);
}

TEST(WriterBroker, blocks_no_longer_than_it_may) {
    auto writer =
        Writer::create(
            {.brokers = "127.0.0.1:1", .topic = "t", .config = {{"queue.buffering.max.messages", 1}, {"log_level", 0}}})
            .value();
    const Record messages[] = {{.value = "a"}, {.value = "b"}};
    const auto written = writer.write_messages(messages, 20ms);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().each()[0], ErrorCode::timed_out);
    EXPECT_EQ(written.error().each()[1], ErrorCode::queue_full);
}

}  // namespace
}  // namespace ottla
