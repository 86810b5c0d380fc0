// SPDX-License-Identifier: Apache-2.0
// What a producer really holds when its queue is full and the broker does not answer. A program of its own: it counts
// every operator new.
#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "tests/client/scripted_broker.hpp"
#include "tests/support/counted_memory.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t limit_kbytes = 64 * 1024;

// What reports need: nothing of their own; a callback and an opaque each; or they are events with an opaque each.
enum class Told { alike, each_its_own, events };

// Memory taken by a full queue, as a part of the limit; `payload`: the part of it that is keys and values.
struct Taken {
    double memory, payload;
};

Taken full_queue(std::size_t value_bytes, Told told, Config config = {}, bool is_noisy = false) {
    EXPECT_TRUE(config.set("queue.buffering.max.kbytes", limit_kbytes));
    EXPECT_TRUE(config.set("queue.buffering.max.messages", 0));
    ProducerScript s(std::move(config));
    EXPECT_TRUE(s.produce(0, "0"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes(1));
    // Else its own copies of what is in flight would count here, too.
    s.stop_broker();
    // Noise is what no codec makes smaller.
    const std::string alike(value_bytes, 'v');
    std::string noise(value_bytes, 'n');
    base::Random random(1);
    Record record;
    record.topic = "t";
    std::size_t reported = 0, taken = 0, sum = 0;
    const std::size_t before = tests::live_memory();
    for (Result<void> produced = ok(); produced; ++taken) {
        record.partition = static_cast<std::int32_t>(taken % 2);
        record.value = alike;
        if (is_noisy) {
            for (char& c : noise) c = static_cast<char>(random.next());
            record.value = noise;
        }
        if (told != Told::alike) record.opaque = &reported + taken;
        if (told == Told::alike) {
            produced = s.producer().produce(record, [&reported](const DeliveryReport&) { ++reported; });
        } else if (told == Told::each_its_own) {
            produced = s.producer().produce(record, [&reported, &sum, taken](const DeliveryReport&) {
                ++reported;
                sum += taken;
            });
        } else {
            produced = s.producer().produce(record);
        }
        if (!produced) break;
        if (taken % 1000 == 0) s.loop.settle();
    }
    s.loop.settle();
    constexpr double limit = limit_kbytes * 1024;
    const Taken all{static_cast<double>(tests::live_memory() - before) / limit,
                    static_cast<double>(taken * value_bytes) / limit};
    EXPECT_EQ(reported, 0U);
    std::printf("%zu records of %zu bytes, %.3f of the limit, take %.3f\n", taken, value_bytes, all.payload,
                all.memory);
    s.drop_handle();
    s.loop.settle();
    EXPECT_EQ(reported, told == Told::events ? 0 : taken);
    EXPECT_EQ(sum, told == Told::each_its_own ? taken * (taken - 1) / 2 : 0);
    return all;
}

TEST(Memory, of_a_full_queue_is_the_limit_and_a_tenth_at_most) {
    struct Case {
        std::size_t value_bytes;
        Told told;
        double payload_least;
    };
    for (const Case& c : {Case{100, Told::alike, 0.8}, Case{1024, Told::alike, 0.9}, Case{10'240, Told::alike, 0.9},
                          Case{100'000, Told::alike, 0.8}, Case{100, Told::each_its_own, 0.55},
                          Case{100, Told::events, 0.7}, Case{1, Told::each_its_own, 0.01}}) {
        const Taken taken = full_queue(c.value_bytes, c.told);
        EXPECT_LE(taken.memory, 1.1) << c.value_bytes;
        EXPECT_GE(taken.payload, c.payload_least) << c.value_bytes;
    }
}

TEST(Memory, of_a_full_queue_counts_batches_that_do_not_fill_their_buffers) {
    EXPECT_LE(full_queue(100, Told::alike, {{"batch.size", 1'100'000}, {"message.max.bytes", 1'100'000}}).memory, 1.1);
    EXPECT_LE(full_queue(100, Told::alike, {{"batch.num.messages", 1}}).memory, 1.1);
    EXPECT_LE(full_queue(600'000, Told::alike).memory, 1.1);
}

// Compressed batches wait in the queue, too; what none makes smaller takes the most.
TEST(Memory, of_a_full_queue_is_bounded_with_every_codec) {
    for (const char* codec : {"gzip", "snappy", "lz4", "zstd"}) {
        SCOPED_TRACE(codec);
        const Config large{{"compression.type", codec}};
        EXPECT_LE(full_queue(1024, Told::alike, large).memory, 1.1);
        EXPECT_LE(full_queue(10'240, Told::alike, large, true).memory, 1.1);
        EXPECT_LE(full_queue(100, Told::alike, {{"compression.type", codec}, {"batch.num.messages", 1}}, true).memory,
                  1.1);
        EXPECT_LE(
            full_queue(900, Told::alike,
                       {{"compression.type", codec}, {"batch.size", 1 << 20}, {"message.max.bytes", 1 << 20}}, true)
                .memory,
            1.1);
    }
}

}  // namespace
}  // namespace ottla::client
