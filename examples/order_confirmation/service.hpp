// SPDX-License-Identifier: Apache-2.0
// What all the services do alike: how they read, how they write, and that they end at the first thing that they cannot
// mend. Whoever started them starts them again, and they find their state where they left it.
#pragma once

#include <chrono>
#include <cstdio>
#include <span>
#include <string>
#include <utility>

#include <ottla/consumer.hpp>
#include <ottla/writer.hpp>

namespace orders {

// Orders by their key, the same partition in every topic.
inline ottla::Writer make_writer(const std::string& brokers) {
    ottla::WriterConfig config;
    config.brokers = brokers;
    config.balancer = "murmur2_random";
    config.batch_timeout = std::chrono::milliseconds(0);
    config.write_timeout = std::chrono::seconds(60);
    return ottla::Writer::create(std::move(config)).value();
}

// Returns when all of them are acknowledged by all replicas; else it throws, and some may be written.
inline void write_all(ottla::Writer& writer, std::span<const ottla::Record> records) {
    if (!records.empty()) writer.write_messages(records, std::chrono::seconds(60)).value();
}

// A member that may be killed and comes back at once under the name of its instance, without a rebalance.
inline ottla::Consumer make_member(const std::string& brokers, const std::string& group, const std::string& instance) {
    return ottla::Consumer::create({{"bootstrap.servers", brokers},
                                    {"group.id", group},
                                    {"group.instance.id", instance},
                                    {"client.id", instance},
                                    {"session.timeout.ms", 10'000},
                                    {"auto.offset.reset", "earliest"},
                                    {"enable.auto.commit", false}})
        .value();
}

// What came, or nothing. Throws what is fatal; the rest mends itself.
inline ottla::MessageBatch read_some(ottla::Consumer& consumer, std::chrono::milliseconds at_most) {
    auto batch = consumer.poll_batch(at_most);
    if (batch) return std::move(*batch);
    std::fprintf(stderr, "%s\n", to_string(batch.error()).c_str());
    if (batch.error().is_fatal()) throw ottla::Exception(batch.error());
    return {};
}

}  // namespace orders
