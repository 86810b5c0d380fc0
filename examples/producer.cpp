// SPDX-License-Identifier: Apache-2.0
// Writes each line of standard input as a record and prints what became of it: producer BROKERS TOPIC
#include <cstdio>
#include <iostream>
#include <string>

#include <ottla/producer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: producer BROKERS TOPIC\n");
        return 2;
    }
    auto producer = ottla::Producer::create({{"bootstrap.servers", argv[1]}});
    if (!producer) {
        std::fprintf(stderr, "%s\n", to_string(producer.error()).c_str());
        return 1;
    }

    // Runs on the producer's own thread, once for every record.
    const auto report = [](const ottla::DeliveryReport& r) { std::printf("%s\n", to_string(r).c_str()); };
    for (std::string line; std::getline(std::cin, line);) {
        ottla::Record record;
        record.topic = argv[2];
        record.value = line;
        // Blocks for room when the queue is full.
        const auto taken = producer->produce(record, report, 30s);
        if (!taken) std::fprintf(stderr, "%s\n", to_string(taken.error()).c_str());
    }
    // Waits until every record has its report.
    const auto closed = producer->close(30s);
    if (!closed) std::fprintf(stderr, "%s\n", to_string(closed.error()).c_str());
    return closed ? 0 : 1;
}
