// SPDX-License-Identifier: Apache-2.0
// The examples do what they say: run as programs, against a broker in this process.
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include <unistd.h>

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

    // "1" … "n".
    void write_numbers(const char* topic, int n) {
        const auto ran = run("seq " + std::to_string(n) + " | " OTTLA_EXAMPLE_PRODUCER + brokers + topic);
        ASSERT_EQ(ran.status, 0) << ran.output;
    }
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

TEST_F(Examples, payments_are_charged_side_by_side) {
    cluster.create_topic("payments").value();
    cluster.create_topic("refused").value();
    run("printf '1\\n2\\n3\\nnone\\n' | " OTTLA_EXAMPLE_PRODUCER + brokers + "payments");
    const auto ran = run(OTTLA_EXAMPLE_PARALLEL_CONSUMER + brokers + "bank payments refused 4");
    EXPECT_EQ(ran.status, 0) << ran.output;
    for (const char* amount : {"@0 key=null value=1", "@1 key=null value=2", "@2 key=null value=3"})
        EXPECT_NE(ran.output.find(amount), std::string::npos) << ran.output;
    EXPECT_NE(ran.output.find("3 done, 1 retries, 1 dead letters, 0 dropped; 0 buffered"), std::string::npos)
        << ran.output;
    const auto refused = run(OTTLA_EXAMPLE_CONSUMER + brokers + "refused");
    EXPECT_NE(refused.output.find("value=none"), std::string::npos) << refused.output;
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

TEST_F(Examples, the_poll_loop_tells_all_there_is) {
    cluster.create_topic("words").value();
    write_numbers("words", 3);
    const auto ran = run(OTTLA_EXAMPLE_CONSUMER_POLL + brokers + "readers words 3");
    EXPECT_EQ(ran.status, 0);
    for (const char* part : {"(assigned words[0])", "words[0]@0 key=null value=1\n", "words[0]@2 key=null value=3\n"})
        EXPECT_NE(ran.output.find(part), std::string::npos) << part << " in " << ran.output;
    const auto rest = run("timeout -s KILL 5 " OTTLA_EXAMPLE_CONSUMER_POLL + brokers + "readers words 1");
    EXPECT_NE(rest.output.find("(end of words[0]"), std::string::npos) << rest.output;
    EXPECT_EQ(rest.output.find("value="), std::string::npos) << "all is committed: " << rest.output;
}

TEST_F(Examples, batches_are_added_up) {
    cluster.create_topic("numbers").value();
    write_numbers("numbers", 1000);
    const auto ran = run(OTTLA_EXAMPLE_CONSUMER_BATCH + brokers + "readers numbers 1000");
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output, "1000 messages, sum 500500\n");
}

TEST_F(Examples, the_last_commit_is_waited_for) {
    cluster.create_topic("numbers").value();
    write_numbers("numbers", 250);
    const auto ran = run(OTTLA_EXAMPLE_CONSUMER_COMMIT + brokers + "readers numbers 220");
    EXPECT_EQ(ran.status, 0);
    EXPECT_TRUE(ran.output.ends_with("value=220\ncommitted numbers[0]@220\n")) << ran.output;
    const auto next = run(OTTLA_EXAMPLE_CONSUMER_COMMIT + brokers + "readers numbers 1");
    EXPECT_EQ(next.output, "numbers[0]@220 key=null value=221\ncommitted numbers[0]@221\n");
}

TEST_F(Examples, state_goes_with_its_partition) {
    cluster.create_topic("numbers").value();
    write_numbers("numbers", 10);
    const auto folder = std::filesystem::temp_directory_path() / ("ottla-state-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    const auto command = OTTLA_EXAMPLE_CONSUMER_STATE + brokers + "readers numbers " + folder.string() + " ";
    EXPECT_EQ(run(command + "4").output, "partition 0 has 0\npartition 0 is saved with 4\n");
    EXPECT_EQ(run(command + "6").output, "partition 0 has 4\npartition 0 is saved with 10\n");
    std::filesystem::remove_all(folder);
}

TEST_F(Examples, a_cooperative_member_gives_up_only_what_moves) {
    cluster.create_topic("numbers", 4).value();
    const auto ran = run(OTTLA_EXAMPLE_CONSUMER_COOPERATIVE + brokers + "readers numbers");
    EXPECT_EQ(ran.status, 0);
    EXPECT_TRUE(
        ran.output.starts_with("first is given 4 partitions\nfirst gives back 2 partitions\nsecond is given 2 "
                               "partitions\n"))
        << ran.output;
}

TEST_F(Examples, a_group_goes_from_one_protocol_to_the_other) {
    cluster.create_topic("numbers", 4).value();
    const auto ran = run(OTTLA_EXAMPLE_CONSUMER_PROTOCOLS + brokers + "readers numbers");
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output,
              "Classic, range: the classic member has 4 partitions, that of the consumer protocol 0\n"
              "Consumer, range: the classic member has 2 partitions, that of the consumer protocol 2\n"
              "Consumer, range: the classic member has 0 partitions, that of the consumer protocol 4\n");
}

TEST_F(Examples, a_static_member_comes_back_without_a_rebalance) {
    cluster.create_topic("numbers", 3).value();
    const auto command = OTTLA_EXAMPLE_CONSUMER_STATIC + brokers + "readers left numbers";
    EXPECT_EQ(run(command).output, "generation 1, 3 partitions\n");
    EXPECT_EQ(run(command).output, "generation 1, 3 partitions\n");
}

TEST_F(Examples, a_replay_begins_at_a_time) {
    cluster.create_topic("numbers").value();
    write_numbers("numbers", 2);
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count() +
        1;
    while (std::chrono::system_clock::now().time_since_epoch() < std::chrono::milliseconds(since)) {
    }
    write_numbers("numbers", 3);
    const auto ran = run(OTTLA_EXAMPLE_CONSUMER_REPLAY + brokers + "numbers " + std::to_string(since));
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output.find("numbers[0]@1 "), std::string::npos) << ran.output;
    for (const char* part : {"numbers[0]@2 key=null value=1\n", "numbers[0]@4 key=null value=3\n"})
        EXPECT_NE(ran.output.find(part), std::string::npos) << part << " in " << ran.output;
}

TEST_F(Examples, seeking_moves_about) {
    cluster.create_topic("numbers").value();
    write_numbers("numbers", 5);
    const auto ran = run(OTTLA_EXAMPLE_CONSUMER_SEEK + brokers + "numbers");
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output,
              "first: numbers[0]@0 key=null value=1\nlast: numbers[0]@4 key=null value=5\nfirst again: numbers[0]@0 "
              "key=null value=1\nnext: numbers[0]@1\n");
}

TEST_F(Examples, a_slow_worker_gets_everything_in_order) {
    cluster.create_topic("numbers").value();
    write_numbers("numbers", 200);
    const auto ran = run(OTTLA_EXAMPLE_CONSUMER_PAUSE + brokers + "readers numbers 150");
    EXPECT_EQ(ran.status, 0);
    std::string expected;
    for (int i = 1; i <= 150; ++i) expected += std::to_string(i) + " makes " + std::to_string(i * (i + 1) / 2) + "\n";
    EXPECT_EQ(ran.output, expected);
}

TEST_F(Examples, what_waits_for_a_slow_worker_that_fails_comes_again) {
    cluster.create_topic("numbers").value();
    run("printf '5\\n6\\nnone\\n7\\n8\\n9\\n' | " OTTLA_EXAMPLE_PRODUCER + brokers + "numbers");
    const auto failed = run(OTTLA_EXAMPLE_CONSUMER_PAUSE + brokers + "readers numbers 6");
    EXPECT_NE(failed.status, 0);
    EXPECT_EQ(failed.output, "5 makes 5\n6 makes 11\n");
    const auto again = run(OTTLA_EXAMPLE_CONSUMER_PAUSE + brokers + "readers numbers 4");
    EXPECT_NE(again.status, 0) << "it begins with what failed";
    EXPECT_EQ(again.output, "");
}

TEST_F(Examples, the_reader_goes_on_where_it_stopped) {
    cluster.create_topic("words").value();
    write_numbers("words", 3);
    const auto first = run(OTTLA_EXAMPLE_READER + brokers + "readers words 2");
    EXPECT_EQ(first.status, 0);
    EXPECT_EQ(first.output,
              "words[0]@0 key=null value=1\nwords[0]@1 key=null value=2\n2 messages (2 bytes), 0 timeouts, 0 errors, 1 "
              "rebalances\n");
    const auto second = run(OTTLA_EXAMPLE_READER + brokers + "readers words 1");
    EXPECT_TRUE(second.output.starts_with("words[0]@2 key=null value=3\n")) << second.output;
}

TEST_F(Examples, an_assignor_of_ones_own_weighs_the_members) {
    cluster.create_topic("numbers", 8).value();
    const auto ran = run("timeout 30 " OTTLA_EXAMPLE_ASSIGNOR + brokers + "readers numbers");
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output, "weight 1: 2 partitions\nweight 3: 6 partitions\n");
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
