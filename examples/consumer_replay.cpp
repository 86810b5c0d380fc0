// SPDX-License-Identifier: Apache-2.0
// Reads all messages of a topic again that are not older than a time, up to its present end, without a group:
// consumer_replay BROKERS TOPIC MILLISECONDS_SINCE_1970
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: consumer_replay BROKERS TOPIC MILLISECONDS_SINCE_1970\n");
        return 2;
    }
    const std::int64_t since_ms = std::atoll(argv[3]);
    auto consumer = ottla::Consumer::create({{"bootstrap.servers", argv[1]}, {"enable.partition.eof", true}}).value();
    const auto metadata = consumer.metadata(argv[2], 10s);
    const auto* topic = metadata ? metadata->topic(argv[2]) : nullptr;
    if (!topic || topic->error.code() != ottla::ErrorCode::none) {
        std::fprintf(stderr, "%s\n", to_string(topic ? topic->error : metadata.error()).c_str());
        return 1;
    }
    std::vector<ottla::TopicPartition> times;
    for (const auto& p : topic->partitions) times.emplace_back(argv[2], p.id, since_ms);
    // Where there is nothing of that time, it gives the end.
    auto places = consumer.offsets_for_times(times, 10s).value();
    for (const auto& tp : places)
        if (tp.error.code() != ottla::ErrorCode::none) {
            std::fprintf(stderr, "%s\n", to_string(tp).c_str());
            return 1;
        }
    const std::size_t partitions = places.size();
    consumer.assign(std::move(places)).value();
    for (std::size_t at_end = 0; at_end < partitions;) {
        const auto event = consumer.poll(1s);
        if (!event) continue;
        if (const auto* message = std::get_if<ottla::Message>(&*event))
            std::printf("%lld %s\n", static_cast<long long>(message->timestamp_ms()), to_string(*message).c_str());
        else if (std::holds_alternative<ottla::PartitionEof>(*event))
            ++at_end;
        else
            std::fprintf(stderr, "%s\n", to_string(*event).c_str());
    }
    consumer.close(5s).value();
}
