// SPDX-License-Identifier: Apache-2.0
// A producer at a cluster of real sockets: how many threads it has, and what it does when a broker hangs.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/producer.hpp>

namespace ottla {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// The ids of this process's threads.
std::set<std::string> tasks() {
    std::set<std::string> ids;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) ids.insert(task.path().filename());
    return ids;
}

// Ten brokers, each of which leads one partition and has been written to: their own threads are all there.
class TenBrokers : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        cluster.create_topic("t", 10).value();
        for (int p = 0; p < 10; ++p) leaders.insert(cluster.leader("t", p).value());
        ASSERT_EQ(leaders.size(), 10U);
        auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
        write_to_all(producer);
        EXPECT_EQ(producer.flush(30s).value(), 0U);
        producer.close(10s).value();
        before = tasks();
    }
    static void write_to_all(Producer& producer) {
        for (std::int32_t p = 0; p < 10; ++p)
            producer
                .produce(Record{.topic = "t", .value = "v", .partition = p},
                         [](const DeliveryReport& r) { EXPECT_TRUE(r) << to_string(r); })
                .value();
    }
    bool has_names() const { return std::string_view(GetParam()) == "localhost"; }
    std::ptrdiff_t new_tasks() const {
        return std::ranges::count_if(tasks(), [&](const std::string& id) { return !before.contains(id); });
    }
    // Of the first broker; the others are known by their addresses.
    std::string bootstrap() const {
        const std::string& all = cluster.bootstrap_servers();
        return GetParam() + all.substr(all.find(':'), all.find(',') - all.find(':'));
    }

    broker::Cluster cluster = broker::Cluster::start({.brokers = 10}).value();
    std::set<int> leaders;
    std::set<std::string> before;
};

TEST_P(TenBrokers, take_one_thread_and_names_one_more_that_looks_them_up) {
    auto producer = Producer::create({{"bootstrap.servers", bootstrap()}}).value();
    write_to_all(producer);
    ASSERT_EQ(producer.flush(30s).value(), 0U);
    EXPECT_EQ(new_tasks(), has_names() ? 2 : 1);
}

TEST_P(TenBrokers, take_no_thread_on_the_callers_executor_and_names_one) {
    boost::asio::io_context loop;
    auto producer = Producer::create(loop.get_executor(), {{"bootstrap.servers", bootstrap()}}).value();
    write_to_all(producer);
    std::size_t left = 10;
    producer.async_flush(30s, [&](Result<std::size_t> r) { left = r.value(), loop.stop(); });
    loop.run();
    EXPECT_EQ(left, 0U);
    EXPECT_EQ(new_tasks(), has_names() ? 1 : 0);
}

INSTANTIATE_TEST_SUITE_P(Hosts, TenBrokers, testing::Values("127.0.0.1", "localhost"),
                         [](const auto& of) { return of.index == 0 ? "addresses" : "names"; });

// Which of the two is asked first is chance, and so is what is open to whom.
TEST(FaultCase8, a_broker_on_a_real_socket_that_hangs_is_left_for_another_within_timeout_and_backoff) {
    for (int round = 0; round < 2; ++round) {
        broker::Cluster cluster = broker::Cluster::start({.brokers = 2}).value();
        cluster.create_topic("t", 1).value();
        cluster.move_leader("t", 0, 1).value();
        auto producer =
            Producer::create(
                {{"bootstrap.servers", cluster.bootstrap_servers()}, {"linger.ms", 0}, {"socket.timeout.ms", 1000}})
                .value();
        const auto write = [&] {
            producer
                .produce(Record{.topic = "t", .value = "v", .partition = 0},
                         [](const DeliveryReport& r) { EXPECT_TRUE(r) << to_string(r); })
                .value();
        };
        write();
        ASSERT_EQ(producer.flush(30s).value(), 0U);
        cluster.cut_link(1);
        cluster.clear_requests();
        // Only a broker that answers can tell that another leads now.
        cluster.move_leader("t", 0, 2).value();
        const auto began = Clock::now();
        write();
        ASSERT_EQ(producer.flush(30s).value(), 0U);
        const auto took = Clock::now() - began;
        EXPECT_GE(took, 990ms);
        // Backoff is 100 ms, for metadata and for connections; another timeout would make it more than 2 s.
        EXPECT_LE(took, 1900ms) << round;
        const auto asked = cluster.requests();
        EXPECT_TRUE(std::ranges::any_of(asked, [](const broker::LoggedRequest& r) {
            return r.broker == 2 && r.api == protocol::ApiKey::metadata;
        }));
        cluster.heal_link(1);
        producer.close(10s).value();
    }
}

}  // namespace
}  // namespace ottla
