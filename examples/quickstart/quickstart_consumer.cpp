// SPDX-License-Identifier: Apache-2.0
// quickstart_consumer BOOTSTRAP TOPIC: reads the whole topic from its beginning to its end. Prints
// "records=N bytes=N hash=H" of what it saw.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include <ottla/consumer.hpp>

#include "digest.hpp"

using namespace std::chrono_literals;

namespace {

Digest read_all(ottla::Consumer& consumer, const std::string& topic) {
    const auto metadata = consumer.metadata(topic, 10s).value();
    std::vector<ottla::TopicPartition> partitions;
    for (const auto& partition : metadata.topic(topic)->partitions)
        partitions.emplace_back(topic, partition.id, ottla::Offset::beginning());
    std::size_t unfinished = partitions.size();
    consumer.assign(std::move(partitions)).value();

    Digest seen;
    while (unfinished > 0) {
        const auto event = consumer.poll(30s);
        if (!event)
            throw ottla::Exception(ottla::Error::of(ottla::ErrorCode::timed_out, "nothing came for 30 seconds"));
        if (const auto* message = std::get_if<ottla::Message>(&*event))
            seen.add(message->key().text(), message->value().text());
        else if (std::holds_alternative<ottla::PartitionEof>(*event))
            --unfinished;
        else
            throw ottla::Exception(ottla::Error::of(ottla::ErrorCode::failed, to_string(*event)));
    }
    return seen;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: quickstart_consumer BOOTSTRAP TOPIC\n";
        return 2;
    }
    try {
        auto consumer =
            ottla::Consumer::create({{"bootstrap.servers", argv[1]}, {"enable.partition.eof", true}}).value();
        const Digest seen = read_all(consumer, argv[2]);
        consumer.close(10s).value();
        std::printf("records=%llu bytes=%llu hash=%016llx\n", static_cast<unsigned long long>(seen.count()),
                    static_cast<unsigned long long>(seen.bytes()), static_cast<unsigned long long>(seen.sum()));
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "quickstart_consumer: " << e.what() << '\n';
        return 1;
    }
}
