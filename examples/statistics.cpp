// SPDX-License-Identifier: Apache-2.0
// Writes records and reads them back, and prints what statistics and hooks tell of it: throughput, round trips, how far
// the reader lags behind: statistics BROKERS TOPIC [COUNT]
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <boost/json.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

// Of the batches of one client; hooks are called on the client's thread.
struct Batches {
    std::atomic<long> count{0}, bytes{0};

    ottla::Hooks hooks(ottla::BatchEvent::Stage counted) {
        ottla::Hooks hooks;
        hooks.on_batch = [this, counted](const ottla::BatchEvent& batch) {
            if (batch.stage != counted) return;
            ++count;
            bytes += static_cast<long>(batch.bytes);
        };
        return hooks;
    }
};

long number(const json::value& value) { return value.to_number<long>(); }

void print(const char* who, long records, const json::object& all, const Batches& batches) {
    std::printf("%s: %ld records in %ld batches, %ld bytes, after %ld ms\n", who, records, batches.count.load(),
                batches.bytes.load(), number(all.at("age")) / 1000);
    for (const auto& [name, broker] : all.at("brokers").as_object()) {
        const auto& rtt = broker.at("rtt");
        if (number(rtt.at("cnt")) > 0)
            std::printf("  %.*s: %ld round trips, half of them within %ld us, 99 %% within %ld us\n",
                        static_cast<int>(name.size()), name.data(), number(rtt.at("cnt")), number(rtt.at("p50")),
                        number(rtt.at("p99")));
    }
}

long lag_of(const json::object& all) {
    long lag = 0;
    for (const auto& [name, topic] : all.at("topics").as_object())
        for (const auto& [number_of, partition] : topic.at("partitions").as_object()) {
            const long behind = number(partition.at("consumer_lag"));
            if (behind < 0) return -1;  // not known yet
            lag += behind;
        }
    return lag;
}

void write(const std::string& brokers, const std::string& topic, long count) {
    Batches batches;
    auto producer = ottla::Producer::create({{"bootstrap.servers", brokers}, {"statistics.interval.ms", 100}},
                                            {.hooks = batches.hooks(ottla::BatchEvent::Stage::acknowledged)})
                        .value();
    const auto ignore = [](const ottla::DeliveryReport&) {};
    for (long i = 0; i < count; ++i) {
        const std::string value = "record " + std::to_string(i);
        producer.produce({.topic = topic, .value = value}, ignore, 30s).value();
    }
    for (bool is_done = false; !is_done;) {
        const auto event = producer.events(10s);
        const auto* statistics = event ? std::get_if<ottla::Statistics>(&*event) : nullptr;
        if (!statistics) continue;
        const auto all = json::parse(statistics->json).as_object();
        is_done = number(all.at("msg_cnt")) == 0;
        print("written", number(all.at("txmsgs")), all, batches);
    }
    producer.close(10s).value();
}

void read(const std::string& brokers, const std::string& topic) {
    Batches batches;
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", brokers}, {"statistics.interval.ms", 100}},
                                            {.hooks = batches.hooks(ottla::BatchEvent::Stage::fetched)})
                        .value();
    std::vector<ottla::TopicPartition> partitions;
    const auto metadata = consumer.metadata(topic, 10s).value();
    for (const auto& p : metadata.topics.front().partitions)
        partitions.emplace_back(topic, p.id, ottla::Offset::beginning());
    consumer.assign(partitions).value();
    for (long lag = -1; lag != 0;) {
        const auto event = consumer.poll(10s);
        const auto* statistics = event ? std::get_if<ottla::Statistics>(&*event) : nullptr;
        if (!statistics) continue;
        const auto all = json::parse(statistics->json).as_object();
        lag = lag_of(all);
        print("read", number(all.at("rxmsgs")), all, batches);
        std::printf("  %ld records behind\n", lag);
    }
    consumer.close(10s).value();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: statistics BROKERS TOPIC [COUNT]\n");
        return 2;
    }
    try {
        write(argv[1], argv[2], argc > 3 ? std::atol(argv[3]) : 1000);
        read(argv[1], argv[2]);
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "%s\n", failed.what());
        return 1;
    }
    return 0;
}
