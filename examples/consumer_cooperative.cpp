// SPDX-License-Identifier: Apache-2.0
// Two members of a group, one after the other: the first gives up only what the second gets, and reads the rest without
// a break: consumer_cooperative BROKERS GROUP TOPIC
#include <cstdio>
#include <string>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

namespace {

ottla::Result<ottla::Consumer> join(const char* name, char** argv) {
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]},
                                             {"group.id", argv[2]},
                                             {"partition.assignment.strategy", "cooperative-sticky"}});
    if (!consumer) return consumer;
    const auto say = [name](const char* what) {
        return [name, what](ottla::Consumer&, std::span<const ottla::TopicPartition> partitions) {
            if (!partitions.empty()) std::printf("%s %s %zu partitions\n", name, what, partitions.size());
        };
    };
    ottla::RebalanceCallbacks callbacks;
    callbacks.assigned = say("is given");
    callbacks.revoked = say("gives back");
    if (auto subscribed = consumer->subscribe({argv[3]}, std::move(callbacks)); !subscribed) return subscribed.error();
    return consumer;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: consumer_cooperative BROKERS GROUP TOPIC\n");
        return 2;
    }
    auto first = join("first", argv).value();
    while (first.assignment().empty()) first.poll(100ms);
    auto second = join("second", argv).value();
    // Rebalances go on in the polls of each.
    while (second.assignment().empty()) {
        first.poll(100ms);
        second.poll(100ms);
    }
    second.close(10s).value();
    first.close(10s).value();
}
