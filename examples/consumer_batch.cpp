// SPDX-License-Identifier: Apache-2.0
// Adds up the numbers of a topic, a batch at a time: consumer_batch BROKERS GROUP TOPIC COUNT
#include <cstdio>
#include <cstdlib>
#include <string>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: consumer_batch BROKERS GROUP TOPIC COUNT\n");
        return 2;
    }
    const std::size_t wanted = std::strtoull(argv[4], nullptr, 10);
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]},
                                             {"group.id", argv[2]},
                                             {"auto.offset.reset", "earliest"},
                                             {"enable.auto.commit", false}});
    if (!consumer) {
        std::fprintf(stderr, "%s\n", to_string(consumer.error()).c_str());
        return 1;
    }
    consumer->subscribe({argv[3]}).value();
    std::size_t read = 0;
    long long sum = 0;
    while (read < wanted) {
        auto batch = consumer->poll_batch(1s);
        if (!batch) {
            std::fprintf(stderr, "%s\n", to_string(batch.error()).c_str());
            if (batch.error().is_fatal()) return 1;
            continue;
        }
        if (batch->empty()) continue;
        for (const ottla::MessageView& message : *batch) sum += std::stoll(std::string(message.value().text()));
        read += batch->size();
        // One commit for all of them.
        if (auto committed = consumer->commit(10s); !committed)
            std::fprintf(stderr, "%s\n", to_string(committed.error()).c_str());
    }
    std::printf("%zu messages, sum %lld\n", read, sum);
    consumer->close(10s).value();
}
