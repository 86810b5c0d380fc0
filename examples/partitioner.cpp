// SPDX-License-Identifier: Apache-2.0
// Puts each line of standard input, "KEY VALUE", where a function of our own says: keys that begin with "vip" have the
// last partition for themselves, all others share the rest: partitioner BROKERS TOPIC
#include <cstdio>
#include <functional>
#include <iostream>
#include <string>

#include <ottla/producer.hpp>

using namespace std::chrono_literals;

namespace {

// Several threads may ask at the same time: it has no state.
std::int32_t vip_last(const ottla::Record& record, std::int32_t partition_count) {
    const std::int32_t last = partition_count - 1;
    if (last == 0 || record.key.text().starts_with("vip")) return last;
    return static_cast<std::int32_t>(std::hash<std::string_view>()(record.key.text()) % static_cast<std::size_t>(last));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: partitioner BROKERS TOPIC\n");
        return 2;
    }
    auto producer = ottla::Producer::create({{"bootstrap.servers", argv[1]}}, {.partitioner = vip_last});
    if (!producer) {
        std::fprintf(stderr, "%s\n", to_string(producer.error()).c_str());
        return 1;
    }
    const auto report = [](const ottla::DeliveryReport& r) { std::printf("%s\n", to_string(r).c_str()); };
    for (std::string key, value; std::cin >> key >> value;) {
        ottla::Record record;
        record.topic = argv[2];
        record.key = key;
        record.value = value;
        const auto taken = producer->produce(record, report, 30s);
        if (!taken) std::fprintf(stderr, "%s\n", to_string(taken.error()).c_str());
    }
    const auto closed = producer->close(30s);
    if (!closed) std::fprintf(stderr, "%s\n", to_string(closed.error()).c_str());
    return closed ? 0 : 1;
}
