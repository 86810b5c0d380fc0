// SPDX-License-Identifier: Apache-2.0
// A static member: it may be restarted within session.timeout.ms without a rebalance, and keeps its partitions. Run it
// twice: consumer_static BROKERS GROUP INSTANCE TOPIC
#include <cstdio>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: consumer_static BROKERS GROUP INSTANCE TOPIC\n");
        return 2;
    }
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]},
                                             {"group.id", argv[2]},
                                             {"group.instance.id", argv[3]},  // each member has its own
                                             {"session.timeout.ms", 30'000}});
    if (!consumer) {
        std::fprintf(stderr, "%s\n", to_string(consumer.error()).c_str());
        return 1;
    }
    consumer->subscribe({argv[4]}).value();
    while (consumer->assignment().empty()) {
        const auto event = consumer->poll(1s);
        const auto* error = event ? std::get_if<ottla::Error>(&*event) : nullptr;
        if (error && error->is_fatal()) {  // another process has taken the name
            std::fprintf(stderr, "%s\n", to_string(*error).c_str());
            return 1;
        }
    }
    std::printf("generation %d, %zu partitions\n", consumer->group_metadata().generation,
                consumer->assignment().size());
    // Without leaving: who comes back by this name takes over.
    consumer->close(10s).value();
}
