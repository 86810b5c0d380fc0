// SPDX-License-Identifier: Apache-2.0
// What a producer really holds when its queue is full and the broker does not answer. A program of its own: it counts
// every operator new.
#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include "tests/client/scripted_broker.hpp"
#include "tests/support/counted_memory.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t limit_kbytes = 64 * 1024;

// Memory taken by a full queue, as a part of the limit. The callback is as small as one that counts.
double memory_of_full_queue(std::size_t value_bytes) {
    ProducerScript s(Config{{"queue.buffering.max.kbytes", limit_kbytes}, {"queue.buffering.max.messages", 0}});
    EXPECT_TRUE(s.produce(0, "0"));
    s.loop.run_for(1s);
    EXPECT_EQ(s.codes, Codes(1));
    // Else its own copies of what is in flight would count here, too.
    s.stop_broker();
    const std::string value(value_bytes, 'v');
    Record record;
    record.topic = "t";
    record.value = value;
    std::size_t reported = 0, taken = 0;
    const std::size_t before = tests::live_memory();
    for (;; ++taken) {
        record.partition = static_cast<std::int32_t>(taken % 2);
        if (!s.producer().produce(record, [&reported](const DeliveryReport&) { ++reported; })) break;
        if (taken % 1000 == 0) s.loop.settle();
    }
    s.loop.settle();
    const auto memory = static_cast<double>(tests::live_memory() - before) / (limit_kbytes * 1024);
    EXPECT_EQ(reported, 0U);
    EXPECT_GE(taken * value_bytes, (limit_kbytes - 32) * 1024);
    std::printf("%zu records of %zu bytes: %.3f of the limit\n", taken, value_bytes, memory);
    s.drop_handle();
    s.loop.settle();
    EXPECT_EQ(reported, taken);
    return memory;
}

// What was measured, and a little: the goal, a tenth above the limit, is missed. The rest is what is kept for each
// report, which counts for nothing in the limit, and the rounding of buffers to powers of two.
TEST(Memory, of_a_full_queue_does_not_grow_beyond_what_was_measured) {
    EXPECT_LE(memory_of_full_queue(10'240), 1.18);
    EXPECT_LE(memory_of_full_queue(100), 2.45);
}

}  // namespace
}  // namespace ottla::client
