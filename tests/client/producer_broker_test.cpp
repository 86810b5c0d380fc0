// SPDX-License-Identifier: Apache-2.0
// The blocking calls of producer and writer, against a real broker in this process, on real sockets and threads.
#include <atomic>
#include <filesystem>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/use_future.hpp>
#include <ottla/admin.hpp>
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

TEST(ProducerBroker, without_acks_all_that_was_produced_before_close_arrives) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t", 1).value();
    auto producer =
        Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"acks", "0"}, {"linger.ms", 0}}).value();
    constexpr int count = 50'000;
    std::atomic<int> written{0};
    const std::string value(1000, 'v');
    for (int i = 0; i < count; ++i) {
        Record record;
        record.topic = "t";
        record.partition = 0;
        record.value = value;
        const auto taken = producer.produce(
            record, [&written](const DeliveryReport& r) { written += r ? 1 : 0; }, 30s);
        ASSERT_TRUE(taken) << i << ": " << to_string(taken.error());
    }
    ASSERT_TRUE(producer.close(30s));
    EXPECT_EQ(written, count);
    auto consumer = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    // The broker may still be at what its socket holds.
    const auto until = std::chrono::steady_clock::now() + 30s;
    std::int64_t end = 0;
    while (end < count && std::chrono::steady_clock::now() < until)
        end = consumer.query_watermark_offsets("t", 0, 10s).value().high.value();
    EXPECT_EQ(end, count);
}

// What the partition holds: numbers, one for each record.
std::vector<int> numbers_in(const broker::Cluster& cluster, const std::string& topic, std::int32_t partition) {
    auto consumer = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    const auto end = consumer.query_watermark_offsets(topic, partition, 10s).value().high.value();
    consumer.assign({TopicPartition(topic, partition, Offset(0))}).value();
    std::vector<int> numbers;
    while (static_cast<std::int64_t>(numbers.size()) < end)
        numbers.push_back(std::stoi(std::string(as_text(consumer.read_message(10s).value().value().span()))));
    return numbers;
}

TEST(ProducerBroker, asks_for_metadata_and_offsets) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t", 3).value();
    auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    for (int i = 0; i < 10; ++i)
        producer.produce(Record{.topic = "t", .value = "v", .partition = 1, .timestamp_ms = 1000 + i}, nullptr).value();
    ASSERT_EQ(producer.flush(30s).value(), 0U);
    EXPECT_EQ(producer.metadata("t", 10s).value().topics.at(0).partitions.size(), 3U);
    EXPECT_EQ(producer.query_watermark_offsets("t", 1, 10s).value(), (WatermarkOffsets{0, 10}));
    const auto at = producer.offsets_for_times({{"t", 1, Offset(1004)}, {"t", 0, Offset(0)}}, 10s).value();
    EXPECT_EQ(at.at(0).offset, Offset(4));
    EXPECT_EQ(at.at(1).offset, Offset::end());
    producer.close(10s).value();
    EXPECT_EQ(producer.metadata("t", 10s).error(), ErrorCode::closed);
    EXPECT_EQ(producer.query_watermark_offsets("t", 1, 10s).error(), ErrorCode::closed);
}

// What the compressing threads of one end make, the other reads.
TEST(ProducerBroker, compresses_on_threads_of_its_own) {
    broker::Cluster cluster = broker::Cluster::start().value();
    for (const std::string codec : {"gzip", "snappy", "lz4", "zstd"}) {
        cluster.create_topic(codec).value();
        auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()},
                                          {"compression.type", codec},
                                          {"batch.num.messages", 20}})
                            .value();
        std::atomic<int> delivered{0};
        for (int i = 0; i < 2000; ++i) {
            const std::string value = std::to_string(i);
            producer
                .produce(Record{.topic = codec, .value = value, .partition = 0},
                         [&](const DeliveryReport& r) { delivered += r ? 1 : 0; })
                .value();
        }
        ASSERT_EQ(producer.flush(30s).value(), 0U);
        EXPECT_EQ(delivered, 2000);
        const auto numbers = numbers_in(cluster, codec, 0);
        ASSERT_EQ(numbers.size(), 2000U);
        for (int i = 0; i < 2000; ++i) ASSERT_EQ(numbers[static_cast<std::size_t>(i)], i) << codec;
    }
}

TEST(ProducerBroker, goes_on_in_a_topic_that_was_made_anew) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t").value();
    Admin admin = Admin::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()},
                                      {"linger.ms", 0},
                                      {"batch.num.messages", 3},
                                      {"retry.backoff.ms", 10}})
                        .value();
    int sent = 0, reports = 0, failed = 0;
    const auto produce = [&](int until) {
        while (sent < until) {
            const std::string value = std::to_string(sent++);
            producer
                .produce(Record{.topic = "t", .value = value, .partition = 0},
                         [&](const DeliveryReport& r) { ++reports, failed += r ? 0 : 1; })
                .value();
        }
    };
    for (int round = 1; round <= 3; ++round) {
        const int before = sent;
        produce(sent + 100);
        ASSERT_EQ(producer.flush(30s).value(), 0U);
        EXPECT_EQ(numbers_in(cluster, "t", 0).front(), before);
        EXPECT_EQ(numbers_in(cluster, "t", 0).size(), 100U);
        ASSERT_EQ(admin.delete_topics({"t"}).value().at(0).error, ErrorCode::none);
        // They come for a topic that is gone, and is there again in the end.
        produce(sent + 50);
        cluster.create_topic("t").value();
        ASSERT_EQ(producer.flush(30s).value(), 0U);
        const auto numbers = numbers_in(cluster, "t", 0);
        ASSERT_EQ(numbers.size(), 50U);
        for (int i = 0; i < 50; ++i) EXPECT_EQ(numbers[static_cast<std::size_t>(i)], before + 100 + i);
        ASSERT_EQ(admin.delete_topics({"t"}).value().at(0).error, ErrorCode::none);
        cluster.create_topic("t").value();
    }
    EXPECT_EQ(reports, sent);
    EXPECT_EQ(failed, 0);
}

TEST(ProducerBroker, gives_up_a_topic_that_was_deleted_and_partitions_that_a_new_one_lacks) {
    broker::Cluster cluster = broker::Cluster::start({.config = {"auto.create.topics.enable=false"}}).value();
    cluster.create_topic("t", 2).value();
    Admin admin = Admin::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()},
                                      {"linger.ms", 0},
                                      {"retry.backoff.ms", 10},
                                      {"delivery.timeout.ms", 0},
                                      {"topic.metadata.propagation.max.ms", 300}})
                        .value();
    std::map<ErrorCode, int> told;
    // Told by the report, or by the call already.
    const auto produce_both = [&] {
        for (const std::int32_t partition : {0, 1}) {
            const auto tell = [&](const DeliveryReport& r) {
                ++told[r.error.code()];
                EXPECT_EQ(r.status, r ? DeliveryStatus::persisted : DeliveryStatus::not_persisted);
            };
            const auto done = producer.produce(Record{.topic = "t", .value = "7", .partition = partition}, tell);
            if (!done) ++told[done.error().code()];
        }
    };
    produce_both();
    ASSERT_EQ(producer.flush(30s).value(), 0U);
    ASSERT_EQ(admin.delete_topics({"t"}).value().at(0).error, ErrorCode::none);
    produce_both();
    ASSERT_EQ(producer.flush(30s).value(), 0U);
    EXPECT_EQ(told, (std::map<ErrorCode, int>{{ErrorCode::none, 2}, {ErrorCode::unknown_topic_or_partition, 2}}));

    told.clear();
    cluster.create_topic("t", 2).value();
    produce_both();
    ASSERT_EQ(producer.flush(30s).value(), 0U);
    ASSERT_EQ(admin.delete_topics({"t"}).value().at(0).error, ErrorCode::none);
    cluster.create_topic("t", 1).value();
    produce_both();
    ASSERT_EQ(producer.flush(30s).value(), 0U);
    EXPECT_EQ(told, (std::map<ErrorCode, int>{{ErrorCode::none, 3}, {ErrorCode::unknown_partition, 1}}));
    EXPECT_EQ(numbers_in(cluster, "t", 0).size(), 1U);
}

std::size_t threads() {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}
// A thread that was waited for may be in the list for a moment yet.
bool comes_down_to(std::size_t count) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (threads() > count && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return threads() == count;
}

TEST(ProducerBroker, close_ends_the_thread_and_every_call_after_it_answers) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t").value();
    const auto before = threads();
    auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    EXPECT_GT(threads(), before);
    ASSERT_TRUE(producer.produce(Record{.topic = "t", .value = "a"}, nullptr));
    producer.close(10s).value();
    EXPECT_TRUE(comes_down_to(before));
    EXPECT_TRUE(producer.close(10s)) << "a second call finds nothing to do";
    EXPECT_EQ(producer.flush(1h).error(), ErrorCode::closed);
    EXPECT_EQ(producer.purge(PurgeWhat::all).error(), ErrorCode::closed);
    EXPECT_EQ(producer.statistics(1h).error(), ErrorCode::closed);
    EXPECT_EQ(producer.produce(Record{.topic = "t"}, nullptr, 1h).error(), ErrorCode::closed);
    EXPECT_EQ(producer.async_produce(Record{.topic = "t"}, boost::asio::use_future).get().error(), ErrorCode::closed);
    EXPECT_TRUE(producer.async_close(1h, boost::asio::use_future).get());
}

TEST(ProducerBroker, dropping_the_handle_ends_the_thread) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t").value();
    const auto before = threads();
    {
        auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
        ASSERT_TRUE(producer.produce(Record{.topic = "t", .value = "a"}, nullptr));
        ASSERT_EQ(producer.flush(30s).value(), 0U);
    }
    EXPECT_TRUE(comes_down_to(before));
}

TEST(ProducerBroker, of_several_threads_that_close_each_returns) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t").value();
    for (int round = 0; round < 20; ++round) {
        auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
        ASSERT_TRUE(producer.produce(Record{.topic = "t", .value = "a"}, nullptr));
        std::vector<std::thread> closers;
        std::atomic<int> closed{0};
        for (int i = 0; i < 3; ++i)
            closers.emplace_back([&] {
                closed += producer.close(30s) ? 1 : 0;
                // Closed or not yet: it answers.
                (void)producer.flush(30s).has_value();
            });
        for (auto& closer : closers) closer.join();
        EXPECT_EQ(closed, 3);
    }
}

TEST(WriterBroker, tells_who_writes_after_its_close) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t").value();
    auto writer = Writer::create({.brokers = cluster.bootstrap_servers(), .topic = "t"}).value();
    writer.close(10s).value();
    const Record messages[] = {{.value = "a"}, {.value = "b"}};
    std::promise<std::size_t> failed;
    writer.async_write_messages(messages, 1h,
                                [&](const WriteResult& r) { failed.set_value(r ? 0 : r.error().count()); });
    EXPECT_EQ(failed.get_future().get(), 2U);
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
