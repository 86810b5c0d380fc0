// SPDX-License-Identifier: Apache-2.0
// The loop around poll(), with everything that it may give: consumer_poll BROKERS GROUP TOPIC [COUNT]
#include <cstdio>
#include <cstdlib>
#include <variant>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: consumer_poll BROKERS GROUP TOPIC [COUNT]\n");
        return 2;
    }
    long left = argc > 4 ? std::atol(argv[4]) : -1;
    ottla::ConsumerOptions options;
    options.tells_commits = true;
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]},
                                             {"group.id", argv[2]},
                                             {"auto.offset.reset", "earliest"},
                                             {"enable.partition.eof", true}},
                                            std::move(options));
    if (!consumer) {
        std::fprintf(stderr, "%s\n", to_string(consumer.error()).c_str());
        return 1;
    }
    consumer->subscribe({argv[3]}).value();
    int status = 0;
    while (left != 0) {
        auto event = consumer->poll(1s);
        if (!event) continue;  // nothing came
        if (const auto* message = std::get_if<ottla::Message>(&*event)) {
            // It counts as done with the next poll, and is committed every auto.commit.interval.ms.
            std::printf("%s\n", to_string(*message).c_str());
            if (left > 0) --left;
        } else if (const auto* error = std::get_if<ottla::Error>(&*event)) {
            std::fprintf(stderr, "%s\n", to_string(*error).c_str());
            if (!error->is_fatal()) continue;  // the consumer goes on by itself
            status = 1;
            break;
        } else {
            // Ends of partitions, assignments, commits, partitions in trouble.
            std::fprintf(stderr, "(%s)\n", to_string(*event).c_str());
        }
    }
    consumer->close(10s).value();
    return status;
}
