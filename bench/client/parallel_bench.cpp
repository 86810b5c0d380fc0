// SPDX-License-Identifier: Apache-2.0
// What a ParallelConsumer costs, against a broker in this process.
//   parallel_bench delays [PEER]
//                            10,000 records of one partition, 100 workers, record i takes i % 5 ms (20 s of work), in
//                            every order; beside it the time that no consumer of that order can be below, and that of
//                            PEER, integration/java/parallel-member
//   parallel_bench empty     a million records with a handler that does nothing, and a Consumer that only reads them
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <ottla/broker/cluster.hpp>
#include <ottla/parallel_consumer.hpp>
#include <ottla/producer.hpp>

namespace {

using namespace std::chrono_literals;
using namespace ottla;
using Clock = std::chrono::steady_clock;

constexpr int workers = 100;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Scattered, the same each time.
int key_of(int i, int keys) { return static_cast<int>(static_cast<unsigned>(i) * 2654435761U >> 8) % keys; }
int delay_ms(std::int64_t i) { return static_cast<int>(i % 5); }

void fill(const std::string& brokers, const char* topic, int records, int keys) {
    auto producer = Producer::create({{"bootstrap.servers", brokers}}).value();
    for (int i = 0; i < records; ++i) {
        const std::string key = std::to_string(key_of(i, keys));
        Record record;
        record.topic = topic;
        record.partition = 0;
        record.key = key;
        record.value =
            "a hundred bytes or so of something that stands for an order of somebody's, with what and how many";
        producer
            .produce(
                record, [](const DeliveryReport&) {}, 10s)
            .value();
    }
    (void)producer.flush(60s).value();
}

// A call to somebody else, which takes its time.
void work_for(std::chrono::milliseconds time) {
    std::mutex nobody;
    std::condition_variable never;
    std::unique_lock lock(nobody);
    const auto until = Clock::now() + time;
    while (never.wait_until(lock, until) != std::cv_status::timeout) {
    }
}

// By what must go one after the other, and by what the workers can do.
double floor_of(WorkOrder order, int records, int keys) {
    std::map<int, int> chains;
    int all = 0;
    for (int i = 0; i < records; ++i) {
        all += delay_ms(i);
        if (order == WorkOrder::key) chains[key_of(i, keys)] += delay_ms(i);
        if (order == WorkOrder::partition) chains[0] += delay_ms(i);
    }
    int longest = 0;
    for (const auto& [key, ms] : chains) longest = std::max(longest, ms);
    return std::max(longest / 1000.0, all / 1000.0 / workers);
}

struct Run {
    double seconds;
    ParallelStats stats;
};

template <class Work>
Run run(const std::string& brokers, const char* topic, WorkOrder order, int concurrency, int records, Work work) {
    static std::atomic<int> groups{0};
    ParallelConsumerConfig c;
    c.brokers = brokers;
    c.group_id = "bench-" + std::to_string(++groups);
    c.topics = {topic};
    c.order = order;
    c.max_concurrency = concurrency;
    c.config = {{"auto.offset.reset", "earliest"}};
    std::atomic<int> done{0};
    std::atomic<bool> has_begun{false};
    std::atomic<Clock::time_point> begin;
    auto consumer = ParallelConsumer::create(std::move(c), [&](const Message& m) {
                        if (!has_begun.load(std::memory_order_relaxed) && !has_begun.exchange(true))
                            begin = Clock::now();
                        work(m);
                        if (done.fetch_add(1) + 1 == records) done.notify_all();
                        return Handled::done();
                    }).value();
    for (int seen = done; seen < records; seen = done) done.wait(seen);
    const double took = seconds_since(begin);
    const auto stats = consumer.stats();
    if (auto closed = consumer.close(20s); !closed) std::fprintf(stderr, "%s\n", to_string(closed.error()).c_str());
    return {took, stats};
}

// The seconds that the other library takes; below 0 where it did not get to its end.
double run_peer(const std::string& peer, const std::string& brokers, const char* topic, WorkOrder order, int records) {
    static int groups = 0;
    const char* name = order == WorkOrder::key ? "KEY" : order == WorkOrder::partition ? "PARTITION" : "UNORDERED";
    const auto command = peer + " delays " + brokers + " peer-" + std::to_string(++groups) + " " + topic + " " + name +
                         " " + std::to_string(records);
    FILE* const output = ::popen(command.c_str(), "r");
    if (output == nullptr) return -1;
    double seconds = -1;
    char line[256];
    while (std::fgets(line, sizeof line, output) != nullptr)
        if (std::strncmp(line, "RESULT ", 7) == 0) seconds = std::strtod(line + 7, nullptr);
    return ::pclose(output) == 0 ? seconds : -1;
}

void delays(const std::string& brokers, broker::Cluster& cluster, const std::string& peer) {
    constexpr int records = 10'000;
    std::printf("%-22s %8s %8s %6s %8s %6s\n", "order", "s", "floor", "x", "peer s", "x");
    const auto row = [&](const char* name, const char* topic, WorkOrder order, int keys) {
        const auto r = run(brokers, topic, order, workers, records, [](const Message& m) {
            if (const auto ms = delay_ms(m.offset()); ms > 0) work_for(std::chrono::milliseconds(ms));
        });
        const double least = floor_of(order, records, keys);
        std::printf("%-22s %8.3f %8.3f %6.3f", name, r.seconds, least, r.seconds / least);
        if (!peer.empty()) {
            const auto other = run_peer(peer, brokers, topic, order, records);
            std::printf(" %8.3f %6.3f", other, other / least);
        }
        std::printf("\n");
        std::fflush(stdout);
    };
    for (const int keys : {1, 2, 5, 10, 20, 1000, 10'000}) {
        const std::string topic = "keys-" + std::to_string(keys);
        cluster.create_topic(topic, 1).value();
        fill(brokers, topic.c_str(), records, keys);
        if (keys == 1) row("partition", topic.c_str(), WorkOrder::partition, keys);
        row(("key, " + std::to_string(keys) + " keys").c_str(), topic.c_str(), WorkOrder::key, keys);
        if (keys == 10'000) row("none", topic.c_str(), WorkOrder::none, keys);
    }
}

void empty(const std::string& brokers, broker::Cluster& cluster) {
    constexpr int records = 1'000'000;
    cluster.create_topic("many", 1).value();
    fill(brokers, "many", records, 10'000);
    for (int round = 0; round < 3; ++round) {
        auto reads = Consumer::create({{"bootstrap.servers", brokers}}).value();
        reads.assign({{"many", 0, Offset::beginning()}}).value();
        int seen = static_cast<int>(reads.poll_batch(10s).value().size());
        const auto begin = Clock::now();
        while (seen < records) seen += static_cast<int>(reads.poll_batch(10s).value().size());
        std::printf("%-36s %6.3f us a record\n", "Consumer, poll_batch", seconds_since(begin) * 1e6 / records);
        for (const auto order : {WorkOrder::none, WorkOrder::key, WorkOrder::partition}) {
            for (const int concurrency : {1, 2, 16}) {
                const auto r = run(brokers, "many", order, concurrency, records, [](const Message&) {});
                const auto name =
                    "order " + std::string(to_string(order)) + ", " + std::to_string(concurrency) + " threads";
                std::printf("%-36s %6.3f us a record\n", name.c_str(), r.seconds * 1e6 / records);
                std::fflush(stdout);
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const char* what = argc > 1 ? argv[1] : "";
    if (std::strcmp(what, "delays") != 0 && std::strcmp(what, "empty") != 0) {
        std::fprintf(stderr, "usage: parallel_bench delays [PEER] | empty\n");
        return 2;
    }
    auto cluster = broker::Cluster::start().value();
    const auto brokers = cluster.bootstrap_servers();
    std::strcmp(what, "delays") == 0 ? delays(brokers, cluster, argc > 2 ? argv[2] : "") : empty(brokers, cluster);
}
