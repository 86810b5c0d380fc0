// SPDX-License-Identifier: Apache-2.0
// Reads a topic as a member of a group and commits each message when it is done: consumer_group BROKERS GROUP TOPIC
// [COUNT]
#include <cstdio>
#include <cstdlib>
#include <string>
#include <variant>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

namespace {

void say(const char* what, std::span<const ottla::TopicPartition> partitions) {
    for (const auto& tp : partitions) std::printf("%s %s[%d]\n", what, tp.topic.c_str(), tp.partition);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: consumer_group BROKERS GROUP TOPIC [COUNT]\n");
        return 2;
    }
    long left = argc > 4 ? std::atol(argv[4]) : -1;
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]},
                                             {"group.id", argv[2]},
                                             {"auto.offset.reset", "earliest"},
                                             {"enable.auto.commit", false},
                                             {"partition.assignment.strategy", "cooperative-sticky"}});
    if (!consumer) {
        std::fprintf(stderr, "%s\n", to_string(consumer.error()).c_str());
        return 1;
    }
    ottla::RebalanceCallbacks callbacks;
    callbacks.assigned = [](ottla::Consumer&, auto partitions) { say("assigned", partitions); };
    // Here state that belongs to the partitions is saved: nobody else has them yet.
    callbacks.revoked = [](ottla::Consumer&, auto partitions) { say("revoked", partitions); };
    callbacks.lost = [](ottla::Consumer&, auto partitions) { say("lost", partitions); };
    consumer->subscribe({argv[3]}, std::move(callbacks)).value();
    while (left != 0) {
        auto event = consumer->poll(1s);
        if (!event) continue;
        if (auto* message = std::get_if<ottla::Message>(&*event)) {
            std::printf("%s\n", to_string(*message).c_str());
            // Once it is done, and not before: after a crash it comes again rather than never.
            if (auto committed = consumer->commit(*message, 10s); !committed)
                std::fprintf(stderr, "%s\n", to_string(committed.error()).c_str());
            if (left > 0) --left;
        } else {
            std::fprintf(stderr, "%s\n", to_string(*event).c_str());
        }
    }
    consumer->close(5s).value();
}
