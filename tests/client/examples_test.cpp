// SPDX-License-Identifier: Apache-2.0
// The examples do what they say: run as programs, against a broker in this process.
#include <array>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <ottla/broker/cluster.hpp>

namespace ottla {
namespace {

struct Ran {
    int status;
    std::string output;
};

Ran run(const std::string& command) {
    Ran ran{-1, {}};
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (!pipe) return ran;
    std::array<char, 4096> chunk;
    while (const auto n = fread(chunk.data(), 1, chunk.size(), pipe)) ran.output.append(chunk.data(), n);
    ran.status = pclose(pipe);
    return ran;
}

class Examples : public ::testing::Test {
protected:
    broker::Cluster cluster = broker::Cluster::start().value();
    std::string brokers = " " + cluster.bootstrap_servers() + " ";
};

TEST_F(Examples, what_the_producer_writes_the_consumer_reads) {
    cluster.create_topic("words").value();
    const auto written = run("printf 'one\\ntwo\\nthree\\n' | " OTTLA_EXAMPLE_PRODUCER + brokers + "words");
    EXPECT_EQ(written.status, 0);
    EXPECT_EQ(written.output, "words[0]@0 persisted\nwords[0]@1 persisted\nwords[0]@2 persisted\n");
    const auto read = run(OTTLA_EXAMPLE_CONSUMER + brokers + "words");
    EXPECT_EQ(read.status, 0);
    EXPECT_EQ(read.output,
              "words[0]@0 key=null value=one\nwords[0]@1 key=null value=two\nwords[0]@2 key=null value=three\n");
}

TEST_F(Examples, a_group_goes_on_where_it_has_committed) {
    cluster.create_topic("words").value();
    run("printf 'one\\ntwo\\nthree\\n' | " OTTLA_EXAMPLE_PRODUCER + brokers + "words");
    const auto first = run(OTTLA_EXAMPLE_CONSUMER_GROUP + brokers + "readers words 2");
    EXPECT_EQ(first.status, 0);
    EXPECT_EQ(first.output,
              "assigned words[0]\nwords[0]@0 key=null value=one\nwords[0]@1 key=null value=two\nrevoked words[0]\n");
    const auto second = run(OTTLA_EXAMPLE_CONSUMER_GROUP + brokers + "readers words 1");
    EXPECT_EQ(second.output, "assigned words[0]\nwords[0]@2 key=null value=three\nrevoked words[0]\n");
}

TEST_F(Examples, reports_come_as_events) {
    cluster.create_topic("words").value();
    const auto ran = run("printf 'one\\ntwo\\n' | " OTTLA_EXAMPLE_PRODUCER_EVENTS + brokers + "words");
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output, "words[0]@0 persisted\nwords[0]@1 persisted\n");
}

TEST_F(Examples, a_coroutine_awaits_its_reports) {
    cluster.create_topic("words").value();
    const auto ran = run(OTTLA_EXAMPLE_PRODUCER_COROUTINE + brokers + "words one two");
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output, "one: words[0]@0 persisted\ntwo: words[0]@1 persisted\n");
}

TEST_F(Examples, the_writer_says_what_was_written) {
    cluster.create_topic("words").value();
    const auto ran = run(OTTLA_EXAMPLE_WRITER + brokers + "words one two three");
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output, "1 writes, 3 messages (11 bytes), 0 errors\n");
    const auto refused = run(OTTLA_EXAMPLE_WRITER + brokers + "'no topic' one");
    EXPECT_NE(refused.status, 0);
    EXPECT_NE(refused.output.find("one: not persisted, INVALID_TOPIC_EXCEPTION"), std::string::npos) << refused.output;
}

TEST_F(Examples, a_partitioner_keeps_the_last_partition_for_some) {
    cluster.create_topic("orders", 3).value();
    const auto ran = run("printf 'vip-1 a\\nvip-2 b\\n' | " OTTLA_EXAMPLE_PARTITIONER + brokers + "orders");
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output, "orders[2]@0 persisted\norders[2]@1 persisted\n");
    const auto others = run("printf 'x a\\ny b\\nz c\\n' | " OTTLA_EXAMPLE_PARTITIONER + brokers + "orders");
    EXPECT_EQ(others.output.find("orders[2]"), std::string::npos) << others.output;
}

TEST_F(Examples, statistics_tell_what_is_written_and_read) {
    cluster.create_topic("words", 3).value();
    const auto ran = run(OTTLA_EXAMPLE_STATISTICS + brokers + "words 500");
    EXPECT_EQ(ran.status, 0) << ran.output;
    for (const char* part : {"written: 500 records in ", " round trips, half of them within ", "read: 500 records in "})
        EXPECT_NE(ran.output.find(part), std::string::npos) << part << " in " << ran.output;
    EXPECT_TRUE(ran.output.ends_with("  0 records behind\n")) << ran.output;
}

TEST_F(Examples, admin_makes_and_removes_a_topic) {
    const auto ran = run(OTTLA_EXAMPLE_ADMIN + brokers + "passing");
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_NE(ran.output.find("retention.ms=3600000 (dynamic_topic)"), std::string::npos) << ran.output;
    EXPECT_TRUE(ran.output.ends_with("done\n")) << ran.output;
}

}  // namespace
}  // namespace ottla
