// SPDX-License-Identifier: Apache-2.0
// Moves about in a partition: the first message, the last, and one that was read before:
// consumer_seek BROKERS TOPIC
#include <cstdio>
#include <string>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: consumer_seek BROKERS TOPIC\n");
        return 2;
    }
    const std::string topic = argv[2];
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]}}).value();
    consumer.assign({{topic, 0, ottla::Offset::beginning()}}).value();
    const auto show = [&](const char* what) {
        const auto message = consumer.read_message(10s);
        std::printf("%s: %s\n", what, message ? to_string(*message).c_str() : to_string(message.error()).c_str());
        return message ? message->offset() : 0;
    };
    const auto first = show("first");
    consumer.seek({topic, 0, ottla::Offset::tail(1)}).value();
    show("last");
    // Nothing of the old place is handed out after the call.
    consumer.seek({topic, 0, first}).value();
    show("first again");
    const auto next = consumer.position({{topic, 0}}).front();
    std::printf("next: %s\n", to_string(next).c_str());
    consumer.close(5s).value();
}
