// SPDX-License-Identifier: Apache-2.0
// Reliability case 14: clients in a child of fork(), which has none of their threads.
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <ottla/admin.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>

#include <sys/wait.h>
#include <unistd.h>

namespace ottla {
namespace {

using namespace std::chrono_literals;

// What `body` answers in a child that has half a minute for it.
template <class Body>
void in_a_child(Body body, int& answer) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(body());
    int status = -1;
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
            FAIL() << "the child hangs";
        }
        std::this_thread::yield();
    }
    ASSERT_TRUE(WIFEXITED(status));
    answer = WEXITSTATUS(status);
}

bool is_refused(const auto& result) { return result.has_error() && result.error() == ErrorCode::invalid_state; }

TEST(FaultCase14, a_producer_is_the_parents) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t").value();
    std::optional<Producer> producer =
        Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"linger.ms", 0}}).value();
    ASSERT_TRUE(producer->produce(Record{.topic = "t", .value = "before"}, nullptr));
    ASSERT_EQ(producer->flush(30s).value(), 0U);
    int wrong = -1;
    const auto calls = [&] {
        int bits = 0;
        bits += is_refused(producer->produce(Record{.topic = "t"}, nullptr)) ? 0 : 1;
        bits += is_refused(producer->produce(Record{.topic = "t"}, nullptr, 30s)) ? 0 : 2;
        bits += is_refused(producer->flush(30s)) ? 0 : 4;
        bits += is_refused(producer->close(30s)) ? 0 : 8;
        bits += is_refused(producer->statistics(30s)) ? 0 : 16;
        bits += producer->events(30s) ? 32 : 0;
        bits += producer->size() == 0 ? 0 : 64;
        producer.reset();  // waits for no thread
        return bits;
    };
    ASSERT_NO_FATAL_FAILURE(in_a_child(calls, wrong));
    EXPECT_EQ(wrong, 0);
    ASSERT_TRUE(producer->produce(Record{.topic = "t", .value = "after"}, nullptr));
    EXPECT_EQ(producer->flush(30s).value(), 0U);
}

TEST(FaultCase14, a_consumer_and_an_admin_are_the_parents) {
    broker::Cluster cluster = broker::Cluster::start().value();
    cluster.create_topic("t").value();
    const Config config{{"bootstrap.servers", cluster.bootstrap_servers()}};
    std::optional<Consumer> consumer = Consumer::create(config).value();
    std::optional<Admin> admin = Admin::create(config).value();
    int wrong = -1;
    const auto calls = [&] {
        int bits = 0;
        bits += is_refused(consumer->read_message(30s)) ? 0 : 1;
        bits += is_refused(consumer->query_watermark_offsets("t", 0, 30s)) ? 0 : 2;
        bits += is_refused(consumer->statistics(30s)) && is_refused(admin->statistics(30s)) ? 0 : 32;
        bits += is_refused(consumer->close(30s)) ? 0 : 4;
        bits += is_refused(admin->list_topics()) ? 0 : 8;
        bits += is_refused(admin->close(30s)) ? 0 : 16;
        consumer.reset();
        admin.reset();
        return bits;
    };
    ASSERT_NO_FATAL_FAILURE(in_a_child(calls, wrong));
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(admin->list_topics().value().size(), 1U);
    EXPECT_EQ(consumer->query_watermark_offsets("t", 0, 30s).value().high, 0);
}

}  // namespace
}  // namespace ottla
