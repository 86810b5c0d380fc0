// SPDX-License-Identifier: Apache-2.0
// Commits by hand without waiting, and waits for the last one: consumer_commit BROKERS GROUP TOPIC COUNT
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: consumer_commit BROKERS GROUP TOPIC COUNT\n");
        return 2;
    }
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]},
                                             {"group.id", argv[2]},
                                             {"auto.offset.reset", "earliest"},
                                             {"enable.auto.commit", false}});
    if (!consumer) {
        std::fprintf(stderr, "%s\n", to_string(consumer.error()).c_str());
        return 1;
    }
    consumer->subscribe({argv[3]}).value();

    // On the consumer's thread: it must not block.
    const auto told = [](const ottla::Result<std::vector<ottla::TopicPartition>>& committed) {
        if (!committed) std::fprintf(stderr, "%s\n", to_string(committed.error()).c_str());
    };
    for (long left = std::atol(argv[4]), done = 0; left > 0;) {
        auto message = consumer->read_message(1s);
        if (!message) {
            if (!message.error().is_timeout()) std::fprintf(stderr, "%s\n", to_string(message.error()).c_str());
            if (message.error().is_fatal()) return 1;
            continue;
        }
        std::printf("%s\n", to_string(*message).c_str());
        --left;
        // Now and then, in passing: a commit that fails is made good by the next.
        if (++done % 100 == 0) consumer->async_commit(*message, 30s, told);
    }
    // The last one is waited for.
    const auto committed = consumer->commit(30s);
    if (!committed) {
        std::fprintf(stderr, "%s\n", to_string(committed.error()).c_str());
        return 1;
    }
    for (const auto& tp : *committed) std::printf("committed %s\n", to_string(tp).c_str());
    consumer->close(10s).value();
}
