// SPDX-License-Identifier: Apache-2.0
// delivery.timeout.ms counts from produce() on, for each record, wherever it waits: a batch, which expires as a whole,
// takes records for a sixteenth of it.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/client/scripted_broker.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

// Of 16 s: a batch is open for one of them.
Config of_16s() { return Config{{"delivery.timeout.ms", 16'000}, {"linger.ms", 100}}; }

// A record every 100 ms for 14 s; how long each waited for its end, which is message_timed_out.
std::vector<base::Duration> waited(ProducerScript& s) {
    std::vector<base::Duration> all;
    s.loop.run_for(1s);  // no time is 0: that would be none
    Record r;
    r.topic = "t";
    r.partition = 0;
    r.value = "v";
    for (int i = 0; i < 140; ++i) {
        const auto told = [&s, &all, at = s.loop.timers.now()](const DeliveryReport& report) {
            EXPECT_EQ(report.error, ErrorCode::message_timed_out);
            all.push_back(s.loop.timers.now() - at);
        };
        EXPECT_TRUE(s.producer().produce(r, told));
        s.loop.run_for(100ms);
    }
    s.loop.run_for(20s);
    EXPECT_EQ(all.size(), 140U);
    return all;
}

void expect_in_time(const std::vector<base::Duration>& all) {
    for (const base::Duration& d : all) {
        EXPECT_GE(d, 15s) << &d - all.data();
        EXPECT_LE(d, 16s) << &d - all.data();
    }
}

TEST(DeliveryTimeout, is_each_records_own_while_no_partition_has_a_leader) {
    ProducerScript s(of_16s());
    s.broker.has_leaders = false;
    expect_in_time(waited(s));
}

TEST(DeliveryTimeout, is_each_records_own_while_a_broker_hangs) {
    ProducerScript s(of_16s());
    ASSERT_TRUE(s.produce(0, "warm up"));
    s.loop.run_for(1s);
    s.broker.reactions.assign(100, slow(100s));
    expect_in_time(waited(s));
}

TEST(DeliveryTimeout, is_each_records_own_while_compressed_batches_wait) {
    Config config = of_16s();
    ASSERT_TRUE(config.set("compression.type", "zstd"));
    ProducerScript s(config);
    s.broker.has_leaders = false;
    expect_in_time(waited(s));
}

TEST(DeliveryTimeout, is_each_records_own_while_nobody_says_what_the_topic_is) {
    ProducerScript s(of_16s());
    s.stop_broker();
    expect_in_time(waited(s));
}

// They waited for the topic, and then for a leader.
TEST(DeliveryTimeout, is_each_records_own_when_the_topic_becomes_known_meanwhile) {
    ProducerScript s(of_16s());
    s.broker.has_leaders = false;
    s.network.cut("client", "broker");  // heals after 5 s
    s.loop.timers.start_wait(s.loop.io.get_executor(), s.loop.timers.now() + 5s,
                             [&s](const boost::system::error_code&) {
                                 EXPECT_EQ(s.broker.metadata_asked, 0);
                                 s.network.heal_all();
                             });
    expect_in_time(waited(s));
    EXPECT_GT(s.broker.metadata_asked, 0);
}

TEST(DeliveryTimeout, of_none_leaves_batches_open) {
    ProducerScript s(Config{{"delivery.timeout.ms", 0}, {"linger.ms", 0}});
    s.broker.has_leaders = false;
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(s.produce(0, "v"));
        s.loop.run_for(10s);
    }
    EXPECT_TRUE(s.reports.empty());
    s.broker.has_leaders = true;
    s.loop.run_for(10s);
    EXPECT_EQ(s.codes, Codes(100));
    EXPECT_EQ(s.broker.batches_seen.size(), 1U);
}

}  // namespace
}  // namespace ottla::client
