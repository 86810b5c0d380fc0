// SPDX-License-Identifier: Apache-2.0
// Reads a topic from its beginning and prints every message: consumer BROKERS TOPIC [COUNT]
#include <cstdio>
#include <cstdlib>
#include <string>
#include <variant>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: consumer BROKERS TOPIC [COUNT]\n");
        return 2;
    }
    const std::string topic = argv[2];
    long left = argc > 3 ? std::atol(argv[3]) : -1;

    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]}, {"enable.partition.eof", true}});
    if (!consumer) {
        std::fprintf(stderr, "%s\n", to_string(consumer.error()).c_str());
        return 1;
    }
    auto metadata = consumer->metadata(topic, 5s);
    if (metadata && metadata->topics.front().error.code() != ottla::ErrorCode::none)
        metadata = metadata->topics.front().error;
    if (!metadata) {
        std::fprintf(stderr, "%s\n", to_string(metadata.error()).c_str());
        return 1;
    }
    std::vector<ottla::TopicPartition> partitions;
    for (const auto& p : metadata->topics.front().partitions)
        partitions.emplace_back(topic, p.id, ottla::Offset::beginning());
    std::size_t at_end = 0;
    consumer->assign(partitions).value();

    // Until every partition has been read to its end, or so many messages have come.
    while (left != 0 && at_end < partitions.size()) {
        auto event = consumer->poll(1s);
        if (!event) continue;
        if (auto* message = std::get_if<ottla::Message>(&*event)) {
            std::printf("%s\n", to_string(*message).c_str());
            if (left > 0) --left;
        } else if (std::holds_alternative<ottla::PartitionEof>(*event)) {
            ++at_end;
        } else {
            std::fprintf(stderr, "%s\n", to_string(*event).c_str());
        }
    }
    consumer->close(5s).value();
}
