// SPDX-License-Identifier: Apache-2.0
// Indexes the lines that rsyslog ships to a topic. Without a group: where to read on stands in the database, beside
// what was read, so that a line is there once whenever this is killed: log_indexer BROKERS TOPIC DATABASE
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include <ottla/consumer.hpp>

#include "../support/stop.hpp"
#include "line_index.hpp"

using namespace std::chrono_literals;

namespace {

void assign_all(ottla::Consumer& consumer, const std::string& topic, logs::LineIndex& index) {
    const auto metadata = consumer.metadata(topic, 30s).value();
    const auto& of_topic = metadata.topics.front();
    if (of_topic.error.code() != ottla::ErrorCode::none) throw ottla::Exception(of_topic.error);
    index.begin(topic, to_string(of_topic.id));
    std::vector<ottla::TopicPartition> partitions;
    for (const auto& partition : of_topic.partitions) partitions.push_back(index.next(topic, partition.id));
    consumer.assign(std::move(partitions)).value();
}

void serve(const char* brokers, const char* topic, const char* database) {
    logs::LineIndex index(database);
    auto consumer =
        ottla::Consumer::create({{"bootstrap.servers", brokers}, {"auto.offset.reset", "earliest"}}).value();
    assign_all(consumer, topic, index);
    while (!stop::asked) {
        const auto batch = consumer.poll_batch(100ms);
        if (batch)
            index.add(*batch);
        else if (batch.error().is_fatal())
            throw ottla::Exception(batch.error());
        else
            std::fprintf(stderr, "%s\n", to_string(batch.error()).c_str());
    }
    consumer.close(10s).value();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: log_indexer BROKERS TOPIC DATABASE\n");
        return 2;
    }
    stop::on_signals();
    try {
        serve(argv[1], argv[2], argv[3]);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "log_indexer: %s\n", e.what());
        return 1;
    }
}
