// SPDX-License-Identifier: Apache-2.0
// fetch_watcher BOOTSTRAP TOPIC PARTITIONS [KEY=VALUE ...]: reads these partitions from their beginning until its input
// ends, and prints what it asks and what it is told:
//   FETCH BROKER REQUEST_BYTES RESPONSE_BYTES
//   RECORD PARTITION OFFSET VALUE
//   MOVED PARTITION FROM TO ERROR
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <poll.h>
#include <unistd.h>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

namespace {

constexpr std::int16_t fetch_key = 1;

bool input_ended() {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    if (::poll(&in, 1, 0) <= 0) return false;
    char bytes[256];
    return ::read(STDIN_FILENO, bytes, sizeof bytes) <= 0;
}

void tell_fetch(const ottla::RequestEvent& request) {
    if (request.api_key == fetch_key && request.stage == ottla::RequestEvent::Stage::answered)
        std::printf("FETCH %d %zu %zu\n", request.broker_id, request.request_bytes, request.response_bytes);
}

void tell(const ottla::Event& event) {
    if (const auto* message = std::get_if<ottla::Message>(&event)) {
        std::printf("RECORD %d %lld %s\n", message->partition(), static_cast<long long>(message->offset()),
                    std::string(message->value().text()).c_str());
    } else if (const auto* lost = std::get_if<ottla::PartitionError>(&event)) {
        std::printf("MOVED %d %s %s %s\n", lost->partition, to_string(lost->offset).c_str(),
                    to_string(lost->moved_to).c_str(), to_string(lost->error).c_str());
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: fetch_watcher BOOTSTRAP TOPIC PARTITIONS [KEY=VALUE ...]\n");
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    ottla::Config config{{"bootstrap.servers", argv[1]}, {"auto.offset.reset", "earliest"}};
    for (int i = 4; i < argc; ++i) config.set(argv[i]).value();
    ottla::ConsumerOptions options;
    options.hooks.on_request = tell_fetch;
    auto consumer = ottla::Consumer::create(config, std::move(options)).value();
    std::vector<ottla::TopicPartition> partitions;
    for (int p = 0; p < std::atoi(argv[3]); ++p) partitions.emplace_back(argv[2], p, ottla::Offset::beginning());
    consumer.assign(std::move(partitions)).value();
    while (!input_ended())
        if (const auto event = consumer.poll(100ms)) tell(*event);
    return consumer.close(10s) ? 0 : 1;
}
