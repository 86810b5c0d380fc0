// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/record_times.hpp"

#include <algorithm>
#include <set>

#include <ottla/consumer.hpp>

namespace ottla::tools {

std::map<std::pair<std::string, std::int32_t>, std::int64_t> record_times(const Session& session,
                                                                          const Connection& connection,
                                                                          const std::vector<TopicPartition>& places,
                                                                          std::chrono::nanoseconds within) {
    using Clock = std::chrono::steady_clock;
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> times;
    if (places.empty()) return times;
    // One record of each is wanted: small bites, and whatever is nearest when the place itself is gone.
    auto consumer = Consumer::create(to_config(connection, {{"auto.offset.reset", "earliest"},
                                                            {"isolation.level", "read_uncommitted"},
                                                            {"fetch.message.max.bytes", 65536}}));
    if (consumer.has_error()) throw UsageError(std::string(consumer.error().text()));
    expect(consumer->assign(places), "reading the records that are next");
    std::set<std::pair<std::string, std::int32_t>> open;
    for (const auto& tp : places) open.emplace(tp.topic, tp.partition);
    const auto done = [&](std::string topic, std::int32_t partition) {
        if (open.erase({topic, partition}) == 0) return;
        static_cast<void>(consumer->incremental_unassign({TopicPartition(std::move(topic), partition)}).has_value());
    };
    const auto deadline = Clock::now() + within;
    while (!open.empty() && !session.stop && Clock::now() < deadline) {
        const auto event =
            consumer->poll(std::min<std::chrono::nanoseconds>(deadline - Clock::now(), std::chrono::milliseconds(100)));
        if (!event) continue;
        if (const auto* message = std::get_if<Message>(&*event)) {
            if (message->timestamp_ms() >= 0)
                times.emplace(std::pair(std::string(message->topic()), message->partition()), message->timestamp_ms());
            done(std::string(message->topic()), message->partition());
        } else if (const auto* failed = std::get_if<PartitionError>(&*event)) {
            if (!failed->goes_on) done(failed->topic, failed->partition);
        }
    }
    static_cast<void>(consumer->close(std::chrono::seconds(1)).has_value());
    return times;
}

}  // namespace ottla::tools
