// SPDX-License-Identifier: Apache-2.0
// Writes its words as messages of a topic in one call, and says which were not written: writer BROKERS TOPIC WORD...
#include <cstdio>
#include <vector>

#include <ottla/writer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: writer BROKERS TOPIC WORD...\n");
        return 2;
    }
    auto writer = ottla::Writer::create({.brokers = argv[1], .topic = argv[2]});
    if (!writer) {
        std::fprintf(stderr, "%s\n", to_string(writer.error()).c_str());
        return 1;
    }
    std::vector<ottla::Record> messages;
    for (int i = 3; i < argc; ++i) messages.push_back({.value = argv[i]});

    // Returns when every message is acknowledged or given up.
    const auto written = writer->write_messages(messages, 30s);
    if (!written) {
        const auto errors = written.error();
        for (std::size_t i = 0; i < messages.size(); ++i)
            if (errors.each()[i].code() != ottla::ErrorCode::none)
                std::fprintf(stderr, "%s: %s, %s\n", argv[i + 3], std::string(to_string(errors.statuses()[i])).c_str(),
                             to_string(errors.each()[i]).c_str());
    }
    std::printf("%s\n", to_string(writer->stats()).c_str());
    const auto closed = writer->close(30s);
    return written && closed ? 0 : 1;
}
