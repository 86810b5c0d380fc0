// SPDX-License-Identifier: Apache-2.0
// pattern_member BOOTSTRAP GROUP PATTERN COUNT: reads COUNT records as a member of the group, of the topics that its
// coordinator finds by the pattern, and prints each as "topic=value". An error of the client ends it with 1.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

namespace {

int read_all(ottla::Consumer& consumer, int count) {
    while (count > 0) {
        const auto event = consumer.poll(30s);
        if (!event) {
            std::cerr << "nothing came\n";
            return 1;
        }
        if (const auto* message = std::get_if<ottla::Message>(&*event)) {
            std::cout << message->topic() << "=" << message->value().text() << std::endl;
            --count;
        }
        if (const auto* error = std::get_if<ottla::Error>(&*event)) {
            std::cerr << to_string(*error) << "\n";
            return 1;
        }
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::cerr << "usage: pattern_member BOOTSTRAP GROUP PATTERN COUNT\n";
        return 2;
    }
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]},
                                             {"group.id", argv[2]},
                                             {"group.protocol", "consumer"},
                                             {"auto.offset.reset", "earliest"}});
    if (!consumer) {
        std::cerr << to_string(consumer.error()) << "\n";
        return 1;
    }
    if (auto done = consumer->subscribe(ottla::SubscriptionPattern::re2(argv[3])); !done) {
        std::cerr << to_string(done.error()) << "\n";
        return 1;
    }
    const int code = read_all(*consumer, std::atoi(argv[4]));
    const auto closed = consumer->close(10s);
    return closed ? code : 1;
}
