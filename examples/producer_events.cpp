// SPDX-License-Identifier: Apache-2.0
// As producer.cpp, with the reports as events: a loop of its own reads them, as one reads Events() in Go. They take up
// room in the queue until they are fetched, so produce() may block for it: producer_events BROKERS TOPIC
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include <ottla/producer.hpp>

using namespace std::chrono_literals;

namespace {

void read_events(ottla::Producer& producer) {
    // Nothing comes any more once the producer is closed.
    while (!producer.is_closed() || producer.size() > 0) {
        const auto event = producer.events(100ms);
        if (!event) continue;
        if (const auto* report = std::get_if<ottla::DeliveryReport>(&*event))
            std::printf("%s\n", to_string(*report).c_str());
        else if (const auto* error = std::get_if<ottla::Error>(&*event))
            std::fprintf(stderr, "%s\n", to_string(*error).c_str());
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: producer_events BROKERS TOPIC\n");
        return 2;
    }
    auto producer = ottla::Producer::create({{"bootstrap.servers", argv[1]}});
    if (!producer) {
        std::fprintf(stderr, "%s\n", to_string(producer.error()).c_str());
        return 1;
    }
    std::thread events(read_events, std::ref(*producer));
    for (std::string line; std::getline(std::cin, line);) {
        ottla::Record record;
        record.topic = argv[2];
        record.value = line;
        // Without a callback: the report is an event.
        const auto taken = producer->produce(record, nullptr, 30s);
        if (!taken) std::fprintf(stderr, "%s\n", to_string(taken.error()).c_str());
    }
    const auto closed = producer->close(30s);
    events.join();
    if (!closed) std::fprintf(stderr, "%s\n", to_string(closed.error()).c_str());
    return closed ? 0 : 1;
}
