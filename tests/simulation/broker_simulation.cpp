// SPDX-License-Identifier: Apache-2.0
// The real broker, on a disk in memory that loses what was not synced, and the real client, in one thread: produces
// while the network breaks, the disk is full or fails, and the broker is killed, stopped and cut from its power; then
// consumes. Every acknowledged record is there, at its offset, in order; what is certain not to have been written is
// not.
#include <limits>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "broker/log/memory_disk.hpp"
#include "broker/server/broker.hpp"
#include "client/admin/admin_core.hpp"
#include "client/consumer/consumer_core.hpp"
#include "client/producer/producer_core.hpp"
#include "tests/simulation/faults.hpp"

namespace ottla::test {
namespace {

using namespace std::chrono_literals;
using broker::Broker;
using broker::BrokerConfig;
using broker::BrokerParts;

constexpr std::int32_t partition_count = 3;
constexpr int record_count = 300;
const std::string topic_name = "orders";

// The machine that the broker runs on.
class BrokerHost {
public:
    // `policy`: log.flush.policy.
    BrokerHost(Simulation& simulation, std::size_t shards, std::string policy)
        : simulation_(simulation),
          random_(simulation.chance()),
          shards_(shards),
          policy_(std::move(policy)),
          transport_(simulation.network.host("broker")) {
        disk_.set_syncs_at_once(simulation.seed() % 2 != 0);
    }

    asio::awaitable<void> start() {
        const std::vector<std::string> overrides{"log.flush.policy=" + policy_};
        auto config = BrokerConfig::parse("node.id=1\nlisteners=PLAINTEXT://broker:9092\nlog.dirs=/data\n", overrides);
        if (!config) {
            problems.push_back(to_string(config.error()));
            co_return;
        }
        BrokerParts parts;
        for (std::size_t i = 0; i < shards_; ++i) parts.shards.push_back(simulation_.loop.io.get_executor());
        parts.timers = &simulation_.loop.timers;
        parts.transport = transport_.get();
        parts.disk = &disk_;
        parts.workers = &simulation_.workers;
        parts.random = random_.split();
        parts.log = simulation_.log("broker");
        parts.host_name = "broker";
        broker_ = Broker::make(std::move(*config), std::move(parts));
        auto started = co_await broker_->start();
        if (!started) problems.push_back(fmt::format("the broker did not start: {}", to_string(started.error())));
    }

    // In order, as after SIGTERM.
    asio::awaitable<void> stop() {
        const auto deadline = simulation_.loop.timers.now() + 10s;
        co_await broker_->stop(deadline);
        broker_.reset();
        disk_.restart();
    }

    // SIGKILL, or, `without_power`, the machine itself: then what was not synced may be lost or torn.
    asio::awaitable<void> die(bool without_power) {
        disk_.stop_after(0);
        simulation_.network.crash("broker", without_power);
        co_await broker_->kill();
        broker_.reset();
        if (without_power)
            disk_.crash(random_);
        else
            disk_.restart();
    }

    asio::awaitable<void> again(int how) {
        if (how == 0)
            co_await stop();
        else
            co_await die(how == 2);
        co_await simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(1, 4'000)));
        co_await start();
    }

    // No room for a while, but perhaps for a part of what comes next: writes are refused, reads go on.
    asio::awaitable<void> fill_disk() {
        const std::uint64_t used = disk_.total_bytes("/").value() - disk_.free_bytes("/").value();
        disk_.set_capacity(used + random_.below(2'000));
        co_await simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(10, 8'000)));
        disk_.set_capacity(std::numeric_limits<std::uint64_t>::max());
    }

    // One write or sync fails; the disk is never asked again to sync that file. Some time later the machine is started
    // again, by hand as it were; what was acknowledged in between is there.
    asio::awaitable<void> break_disk() {
        const auto is_sync = [](MemoryDisk::Kind kind) {
            return kind == MemoryDisk::Kind::sync || kind == MemoryDisk::Kind::sync_file_system;
        };
        const bool breaks_sync = random_.chance(0.5);
        const auto fault = random_.chance(0.5) ? MemoryDisk::Fault::fail : MemoryDisk::Fault::torn;
        disk_.set_script([this, is_sync, breaks_sync, fault, left = 1 + random_.below(6),
                          failed = std::string()](const MemoryDisk::Operation& operation) mutable {
            const bool syncs = is_sync(operation.kind);
            // Another shard may sync the file system before it hears of that.
            const bool may_again = operation.kind == MemoryDisk::Kind::sync_file_system && shards_ > 1;
            if (syncs && operation.path == failed && !may_again)
                problems.push_back("a failed sync is tried again: " + failed);
            if (breaks_sync ? !syncs : operation.kind != MemoryDisk::Kind::write) return MemoryDisk::Fault::none;
            if (left == 0 || --left != 0) return MemoryDisk::Fault::none;
            if (breaks_sync) failed = operation.path;
            return breaks_sync ? MemoryDisk::Fault::fail : fault;
        });
        co_await simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(10, 3'000)));
        disk_.set_script({});
        co_await again(random_.chance(0.5) ? 1 : 2);
    }

    std::vector<std::string> problems;

private:
    using MemoryDisk = broker::log::MemoryDisk;
    Simulation& simulation_;
    base::Random random_;
    std::size_t shards_;
    std::string policy_;
    std::unique_ptr<net::Transport> transport_;
    MemoryDisk disk_;
    std::shared_ptr<Broker> broker_;
};

struct Sent {
    std::int32_t partition = 0;
    int reports = 0;
    DeliveryStatus status = DeliveryStatus::not_persisted;
    std::int64_t offset = -1;
};

std::string value_of(std::size_t n) { return fmt::format("record {} of a simulation", n); }
std::optional<std::size_t> number_of(std::string_view value) {
    std::size_t n = 0;
    if (std::sscanf(std::string(value).c_str(), "record %zu of", &n) != 1) return std::nullopt;
    return n;
}

class ClientHost {
public:
    explicit ClientHost(Simulation& simulation)
        : simulation_(simulation),
          random_(simulation.chance()),
          transport_(simulation.network.host("client")) {}

    asio::awaitable<void> create_topic() {
        auto settings = client::producer_config(base_config());
        const auto admin = client::AdminCore::make(runtime("admin"), settings->common);
        std::vector<NewTopic> topics;
        topics.emplace_back(topic_name, partition_count, std::int16_t{1});
        auto created = co_await client::create_topics(admin, std::move(topics), AdminOptions());
        if (!created)
            problems.push_back("create_topics: " + to_string(created.error()));
        else if (created->front().error.code() != ErrorCode::none)
            problems.push_back("create_topics: " + to_string(created->front().error));
        static_cast<void>(co_await client::AdminCore::close(admin));
    }

    asio::awaitable<void> produce() {
        Config config = base_config();
        config.set("linger.ms", static_cast<int>(random_.between(0, 20))).value();
        config.set("batch.num.messages", static_cast<int>(random_.between(1, 50))).value();
        in_order = random_.chance(0.7);
        config.set("max.in.flight.requests.per.connection", in_order ? 1 : 5).value();
        config.set("delivery.timeout.ms", 300'000).value();
        config.set("request.timeout.ms", 3'000).value();
        auto settings = client::producer_config(config);
        if (!settings) {
            problems.push_back(to_string(settings.error()));
            co_return;
        }
        Producer producer(client::ProducerCore::make(runtime("producer"), *settings, false));
        sent.resize(record_count);
        for (std::size_t n = 0; n < sent.size(); ++n) {
            const std::string value = value_of(n);
            Record record;
            record.topic = topic_name;
            record.value = BytesView(value);
            record.partition = sent[n].partition = static_cast<std::int32_t>(random_.below(partition_count));
            auto taken = producer.produce(record, [this, n](const DeliveryReport& report) { on_report(n, report); });
            if (!taken) problems.push_back("produce: " + to_string(taken.error()));
            if (random_.chance(0.3))
                co_await simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(0, 500)));
        }
        auto flushed = co_await producer.async_flush(400s, asio::use_awaitable);
        if (!flushed || *flushed != 0) problems.push_back("flush() left records without a report");
        static_cast<void>(co_await producer.async_close(10s, asio::use_awaitable));
    }

    // All partitions from the beginning up to their ends.
    asio::awaitable<void> consume() {
        Config config = base_config();
        config.set("auto.offset.reset", "earliest").value();
        auto settings = client::consumer_config(config);
        if (!settings) {
            problems.push_back(to_string(settings.error()));
            co_return;
        }
        Consumer consumer(client::ConsumerCore::make(runtime("consumer"), *settings));
        std::vector<TopicPartition> all;
        std::int64_t expected = 0;
        for (std::int32_t p = 0; p < partition_count; ++p) {
            auto marks = co_await consumer.async_query_watermark_offsets(topic_name, p, 60s, asio::use_awaitable);
            if (!marks) {
                problems.push_back("watermarks: " + to_string(marks.error()));
                co_return;
            }
            expected += marks->high.value() - marks->low.value();
            all.emplace_back(topic_name, p, Offset::beginning());
        }
        if (auto assigned = consumer.assign(std::move(all)); !assigned) problems.push_back(to_string(assigned.error()));
        while (expected > 0) {
            auto message = co_await consumer.async_read_message(60s, asio::use_awaitable);
            if (!message) {
                if (message.error().is_retriable() && !message.error().is_timeout()) continue;
                problems.push_back(
                    fmt::format("read_message: {}; {} records are missing", to_string(message.error()), expected));
                break;
            }
            auto& offsets = read[message->partition()];
            if (!offsets.emplace(message->offset(), std::string(message->value().text())).second)
                problems.push_back(
                    fmt::format("offset {} of partition {} came twice", message->offset(), message->partition()));
            else if (offsets.rbegin()->first != message->offset())
                problems.push_back(
                    fmt::format("offset {} of partition {} came late", message->offset(), message->partition()));
            --expected;
        }
        static_cast<void>(co_await consumer.async_close(10s, asio::use_awaitable));
    }

    // Reads along while records are produced and faults happen.
    asio::awaitable<void> follow() {
        Config config = base_config();
        config.set("auto.offset.reset", "earliest").value();
        auto settings = client::consumer_config(config);
        Consumer consumer(client::ConsumerCore::make(runtime("follower"), *settings));
        std::vector<TopicPartition> all;
        for (std::int32_t p = 0; p < partition_count; ++p) all.emplace_back(topic_name, p, Offset::beginning());
        if (auto assigned = consumer.assign(std::move(all)); !assigned) problems.push_back(to_string(assigned.error()));
        while (!enough) {
            auto message = co_await consumer.async_read_message(1s, asio::use_awaitable);
            if (!message) {
                co_await simulation_.loop.timers.wait_for(100ms);
                continue;
            }
            auto& offsets = followed[message->partition()];
            if (!offsets.empty() && message->offset() <= offsets.rbegin()->first)
                problems.push_back(fmt::format("the follower got offset {} of partition {} after {}", message->offset(),
                                               message->partition(), offsets.rbegin()->first));
            offsets.emplace(message->offset(), std::string(message->value().text()));
        }
        static_cast<void>(co_await consumer.async_close(10s, asio::use_awaitable));
    }

    std::vector<std::string> problems;
    std::vector<Sent> sent;
    bool in_order = true;
    bool enough = false;
    std::map<std::int32_t, std::map<std::int64_t, std::string>> followed;
    std::map<std::int32_t, std::map<std::int64_t, std::string>> read;

private:
    static Config base_config() {
        Config config;
        config.set("bootstrap.servers", "broker:9092").value();
        return config;
    }
    std::shared_ptr<client::Runtime> runtime(const char* name) {
        client::Surroundings given;
        given.executor = simulation_.loop.io.get_executor();
        given.transport = transport_.get();
        given.timers = &simulation_.loop.timers;
        given.seed = random_.next();
        given.log = simulation_.log("client");
        return client::Runtime::within(given, name);
    }
    void on_report(std::size_t n, const DeliveryReport& report) {
        ++sent[n].reports;
        sent[n].status = report.status;
        sent[n].offset = report.offset.value();
        simulation_.note(fmt::format("{}: {}", n, to_string(report)));
    }

    Simulation& simulation_;
    base::Random random_;
    std::unique_ptr<net::Transport> transport_;
};

void check(const ClientHost& client, bool undisturbed, std::vector<std::string>& failures) {
    std::map<std::size_t, int> times;
    std::map<std::int32_t, std::vector<std::size_t>> firsts;
    for (const auto& [partition, records] : client.read) {
        for (const auto& [offset, value] : records) {
            const auto n = number_of(value);
            if (!n || *n >= client.sent.size() || client.sent[*n].partition != partition) {
                failures.push_back(
                    fmt::format("'{}' at offset {} of partition {} was never sent there", value, offset, partition));
                continue;
            }
            if (++times[*n] == 1) firsts[partition].push_back(*n);
        }
    }
    for (std::size_t n = 0; n < client.sent.size(); ++n) {
        const Sent& sent = client.sent[n];
        if (sent.reports != 1) failures.push_back(fmt::format("record {} has {} reports", n, sent.reports));
        if (sent.status == DeliveryStatus::persisted) {
            const auto records = client.read.find(sent.partition);
            const bool there = records != client.read.end() && records->second.contains(sent.offset) &&
                               records->second.at(sent.offset) == value_of(n);
            if (!there)
                failures.push_back(
                    fmt::format("record {} was acknowledged at offset {} of partition {} and is not there", n,
                                sent.offset, sent.partition));
        }
        if (sent.status == DeliveryStatus::not_persisted && times[n] != 0)
            failures.push_back(fmt::format("record {} was reported as not persisted and is there", n));
        if (undisturbed && times[n] != 1)
            failures.push_back(fmt::format("record {} is there {} times though nothing went wrong", n, times[n]));
    }
    // What one consumer has seen, another sees.
    for (const auto& [partition, records] : client.followed)
        for (const auto& [offset, value] : records) {
            const auto all = client.read.find(partition);
            if (all == client.read.end() || !all->second.contains(offset) || all->second.at(offset) != value)
                failures.push_back(fmt::format("'{}' was read at offset {} of partition {} and is not there any more",
                                               value, offset, partition));
        }
    for (const auto& [partition, order] : firsts)
        if (client.in_order && !std::is_sorted(order.begin(), order.end()))
            failures.push_back(fmt::format("the records of partition {} are out of order", partition));
}

asio::awaitable<void> scenario(Simulation& simulation, BrokerHost& host, ClientHost& client, Faults& faults) {
    co_await host.start();
    co_await client.create_topic();
    bool quiet = false;
    net::Signal healed(simulation.loop.io.get_executor());
    asio::co_spawn(simulation.loop.io, faults.run(simulation.loop.timers.now() + 60s), [&](std::exception_ptr) {
        quiet = true;
        healed.notify();
    });
    asio::co_spawn(simulation.loop.io, client.follow(), asio::detached);
    co_await client.produce();
    while (!quiet) co_await healed.wait();
    client.enough = true;
    co_await client.consume();
    co_await host.stop();
}

Outcome run(std::uint64_t seed, std::size_t shards, const char* policy) {
    Simulation simulation(seed);
    BrokerHost host(simulation, shards, policy);
    ClientHost client(simulation);
    Faults faults(simulation, {"client"}, {"broker"});
    faults.add("stopped", [&host] { return host.again(0); });
    faults.add("killed", [&host] { return host.again(1); });
    faults.add("power lost", [&host] { return host.again(2); });
    faults.add("disk full", [&host] { return host.fill_disk(); });
    faults.add("disk failed", [&host] { return host.break_disk(); });

    Outcome outcome;
    if (!simulation.loop.run(scenario(simulation, host, client, faults), 1h))
        outcome.failures.push_back("the scenario did not end within an hour");
    else
        check(client, simulation.faults().empty(), outcome.failures);
    for (const auto* problems : {&host.problems, &client.problems})
        outcome.failures.insert(outcome.failures.end(), problems->begin(), problems->end());
    simulation.loop.run_for(1min);
    outcome.hash = simulation.hash();
    outcome.faults = simulation.faults();
    for (const Sent& sent : client.sent)
        if (sent.status != DeliveryStatus::persisted) ++outcome.faults["(not acknowledged)"];
    std::size_t there = 0;
    for (const auto& [partition, records] : client.read) there += records.size();
    if (there > client.sent.size()) outcome.faults["(written twice)"] = there - client.sent.size();
    outcome.simulated_seconds = simulation.simulated_seconds();
    outcome.events = simulation.loop.events();
    return outcome;
}

template <std::size_t shards>
Outcome run_broker(std::uint64_t seed) {
    return run(seed, shards, "ack");
}

// The simulation sees what it is there to see: with log.flush.policy=os, as Kafka has it, a power loss takes
// acknowledged records away.
TEST(Simulation, finds_a_broker_that_acknowledges_before_it_syncs) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed)
        for (const auto& failure : run(seed, 1, "os").failures)
            if (failure.find("was acknowledged") != std::string::npos) return;
    FAIL() << "no acknowledged record was lost in 200 seeds";
}

TEST(Simulation, a_broker_of_one_shard_keeps_what_it_acknowledged) { run_seeds("broker_1", 0.5, run_broker<1>); }
TEST(Simulation, a_broker_of_three_shards_keeps_what_it_acknowledged) { run_seeds("broker_3", 0.5, run_broker<3>); }

}  // namespace
}  // namespace ottla::test
