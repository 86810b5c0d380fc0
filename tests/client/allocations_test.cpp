// SPDX-License-Identifier: Apache-2.0
// How often the producer and the consumer ask the heap: by the batch, never by the record. Every operator new of this
// program counts, each thread's for itself.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>
#include <ottla/broker/cluster.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>

namespace {

thread_local std::uint64_t allocations = 0;

void* allocate(std::size_t size, std::size_t alignment) {
    ++allocations;
    const std::size_t whole = (size + alignment - 1) / alignment * alignment;
    if (void* memory = std::aligned_alloc(alignment, whole == 0 ? alignment : whole)) return memory;
    throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace ottla {
namespace {

using namespace std::chrono_literals;

// What the thread of the callbacks has allocated when the first came, and when the last did.
struct Reports {
    std::uint64_t first = 0, last = 0;
    std::uint64_t count = 0, failed = 0;
};

void produce_and_flush(Producer& producer, int records, Reports& reports) {
    const std::string value(100, 'v');
    Record record;
    record.topic = "t";
    record.value = value;
    for (int i = 0; i < records; ++i) {
        record.partition = i % 6;
        const auto taken = producer.produce(record, [&reports](const DeliveryReport& report) {
            if (reports.count++ == 0) reports.first = allocations;
            reports.last = allocations;
            if (!report) ++reports.failed;
        });
        ASSERT_TRUE(taken) << to_string(taken.error());
    }
    ASSERT_EQ(producer.flush(60s).value(), 0U);
}

TEST(Allocations, none_for_a_record) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t", 6).value();
    Producer producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    constexpr int records = 90'000;
    Reports warm_up, reports;
    for (int i = 0; i < 3; ++i) ASSERT_NO_FATAL_FAILURE(produce_and_flush(producer, records, warm_up));
    const std::uint64_t before = allocations;
    ASSERT_NO_FATAL_FAILURE(produce_and_flush(producer, records, reports));
    const std::uint64_t by_caller = allocations - before, by_loop = reports.last - reports.first;
    EXPECT_EQ(reports.count, static_cast<std::uint64_t>(records));
    EXPECT_EQ(reports.failed, 0U);
    // Some for each batch and request, of which there are a few hundred at most.
    EXPECT_LT(by_caller, records / 100U);
    EXPECT_LT(by_loop, records / 10U);
    RecordProperty("allocations of the caller", static_cast<int>(by_caller));
    RecordProperty("allocations of the loop", static_cast<int>(by_loop));
    std::printf("%d records: %d allocations in produce(), %d on the loop\n", records, static_cast<int>(by_caller),
                static_cast<int>(by_loop));
}

// What the loop has allocated when the first batch came, and when the last did.
struct Arrivals {
    std::uint64_t first = 0, last = 0, batches = 0;
};

Consumer reader(const broker::Cluster& cluster, Arrivals& arrivals) {
    ConsumerOptions options;
    options.hooks.on_batch = [&arrivals](const BatchEvent& event) {
        if (event.stage != BatchEvent::Stage::fetched) return;
        if (arrivals.batches++ == 0) arrivals.first = allocations;
        arrivals.last = allocations;
    };
    return Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}, std::move(options)).value();
}

void rewind(Consumer& consumer) {
    std::vector<TopicPartition> all;
    for (int p = 0; p < 6; ++p) all.emplace_back("t", p, Offset::beginning());
    consumer.assign(std::move(all)).value();
}

// Reads so many, by one call or the other; the bytes of the values.
std::size_t read_all(Consumer& consumer, int records, bool by_batch) {
    std::size_t bytes = 0;
    for (int left = records; left > 0;) {
        if (by_batch) {
            const auto batch = consumer.poll_batch(10s).value();
            if (batch.empty()) return bytes;
            for (const MessageView& message : batch) bytes += message.value().size();
            left -= static_cast<int>(batch.size());
        } else {
            const auto event = consumer.poll(10s);
            if (!event) return bytes;
            if (const auto* message = std::get_if<Message>(&*event)) {
                bytes += message->value().size();
                --left;
            }
        }
    }
    return bytes;
}

void count_reading(const broker::Cluster& cluster, int records, bool by_batch) {
    Arrivals arrivals;
    Consumer consumer = reader(cluster, arrivals);
    const std::size_t bytes = static_cast<std::size_t>(records) * 100;
    for (int i = 0; i < 2; ++i) {
        rewind(consumer);
        ASSERT_EQ(read_all(consumer, records, by_batch), bytes);
    }
    rewind(consumer);
    const std::uint64_t before = allocations;
    ASSERT_EQ(read_all(consumer, records, by_batch), bytes);
    const std::uint64_t by_caller = allocations - before;
    // Its place outlives the hook.
    consumer.close(10s).value();
    const std::uint64_t by_loop = arrivals.last - arrivals.first;
    EXPECT_LT(by_caller, static_cast<std::uint64_t>(records) / 100U);
    EXPECT_LT(by_loop, static_cast<std::uint64_t>(records) / 10U);
    std::printf("%d messages by %s: %d allocations of the caller, %d on the loop for three times as many\n", records,
                by_batch ? "poll_batch()" : "poll()", static_cast<int>(by_caller), static_cast<int>(by_loop));
}

TEST(Allocations, none_for_a_message) {
    constexpr int records = 90'000;
    for (const char* codec : {"none", "lz4"}) {
        broker::Cluster cluster = broker::Cluster::start().value();
        cluster.create_topic("t", 6).value();
        Reports reports;
        {
            Producer producer =
                Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"compression.type", codec}})
                    .value();
            ASSERT_NO_FATAL_FAILURE(produce_and_flush(producer, records, reports));
        }
        for (const bool by_batch : {true, false})
            ASSERT_NO_FATAL_FAILURE(count_reading(cluster, records, by_batch)) << codec;
    }
}

}  // namespace
}  // namespace ottla
