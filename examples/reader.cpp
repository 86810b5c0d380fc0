// SPDX-License-Identifier: Apache-2.0
// Reads messages of a topic as a member of a group, in one call each, and says how much it was:
// reader BROKERS GROUP TOPIC COUNT
#include <cstdio>
#include <cstdlib>

#include <ottla/reader.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: reader BROKERS GROUP TOPIC COUNT\n");
        return 2;
    }
    ottla::ReaderConfig config;
    config.brokers = argv[1];
    config.group_id = argv[2];
    config.topic = argv[3];
    auto reader = ottla::Reader::create(std::move(config));
    if (!reader) {
        std::fprintf(stderr, "%s\n", to_string(reader.error()).c_str());
        return 1;
    }
    for (long left = std::atol(argv[4]); left > 0;) {
        // The message before this one counts as done, and is committed.
        const auto message = reader->read_message(10s);
        if (message) {
            std::printf("%s\n", to_string(*message).c_str());
            --left;
        } else {
            std::fprintf(stderr, "%s\n", to_string(message.error()).c_str());
            if (message.error().is_fatal()) return 1;
        }
    }
    const auto closed = reader->close(10s);
    std::printf("%s\n", to_string(reader->stats()).c_str());
    return closed ? 0 : 1;
}
