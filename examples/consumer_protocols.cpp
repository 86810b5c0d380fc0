// SPDX-License-Identifier: Apache-2.0
// The two protocols of groups side by side: a running group of the classic one takes in a member of the consumer
// protocol (KIP-848), loses the classic one, and is of the consumer protocol from then on: consumer_protocols BROKERS
// GROUP TOPIC
#include <cstdio>
#include <string>

#include <ottla/admin.hpp>
#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

namespace {

// What the two need not share: classic members carry session.timeout.ms and the assignors, of the consumer protocol
// the broker says both.
ottla::Result<ottla::Consumer> join(char** argv, ottla::Config config) {
    config.set("bootstrap.servers", argv[1]).value();
    config.set("group.id", argv[2]).value();
    auto consumer = ottla::Consumer::create(config);
    if (!consumer) return consumer;
    if (auto subscribed = consumer->subscribe({argv[3]}); !subscribed) return subscribed.error();
    return consumer;
}

void say(ottla::Admin& admin, const char* group, std::size_t old_share, std::size_t new_share) {
    const auto described = admin.describe_groups({group}).value().at(0);
    std::printf("%s, %s: the classic member has %zu partitions, that of the consumer protocol %zu\n",
                std::string(to_string(described.type)).c_str(), described.assignor.c_str(), old_share, new_share);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: consumer_protocols BROKERS GROUP TOPIC\n");
        return 2;
    }
    auto admin = ottla::Admin::create({{"bootstrap.servers", argv[1]}}).value();
    auto old_one = join(argv, {{"partition.assignment.strategy", "range"}, {"heartbeat.interval.ms", 200}}).value();
    while (old_one.assignment().empty()) old_one.poll(100ms);
    say(admin, argv[2], old_one.assignment().size(), 0);

    auto new_one = join(argv, {{"group.protocol", "consumer"}, {"group.remote.assignor", "range"}}).value();
    // Rebalances go on in the polls of each. The classic member of `range` gives everything back first.
    while (new_one.assignment().empty() || old_one.assignment().empty()) {
        old_one.poll(100ms);
        new_one.poll(100ms);
    }
    const auto share = new_one.assignment().size();
    say(admin, argv[2], old_one.assignment().size(), share);

    old_one.close(10s).value();
    while (new_one.assignment().size() == share) new_one.poll(100ms);
    say(admin, argv[2], 0, new_one.assignment().size());
    new_one.close(10s).value();
}
