// SPDX-License-Identifier: Apache-2.0
#include "event_log.hpp"

#include <algorithm>
#include <chrono>

namespace accounts {

using namespace std::chrono_literals;

EventLog::EventLog(const std::string& brokers, std::string topic)
    : topic_(std::move(topic)),
      consumer_(ottla::Consumer::create(
                    {{"bootstrap.servers", brokers}, {"auto.offset.reset", "error"}, {"fetch.wait.max.ms", 100}})
                    .value()),
      asks_(ottla::Consumer::create({{"bootstrap.servers", brokers}}).value()) {
    const auto metadata = asks_.metadata(topic_, 30s).value();
    const auto& of_topic = metadata.topics.front();
    if (of_topic.error.code() != ottla::ErrorCode::none) throw ottla::Exception(of_topic.error);
    next_.resize(of_topic.partitions.size());
}

Offsets EventLog::begins() {
    Offsets offsets;
    for (std::size_t p = 0; p < next_.size(); ++p)
        offsets.push_back(asks_.query_watermark_offsets(topic_, static_cast<std::int32_t>(p), 30s).value().low.value());
    return offsets;
}

Offsets EventLog::ends() {
    Offsets offsets;
    for (std::size_t p = 0; p < next_.size(); ++p)
        offsets.push_back(
            asks_.query_watermark_offsets(topic_, static_cast<std::int32_t>(p), 30s).value().high.value());
    return offsets;
}

Offsets EventLog::at(std::int64_t time_ms) {
    std::vector<ottla::TopicPartition> times;
    for (std::size_t p = 0; p < next_.size(); ++p)
        times.emplace_back(topic_, static_cast<std::int32_t>(p), ottla::Offset(time_ms));
    auto offsets = ends();
    for (const auto& found : asks_.offsets_for_times(std::move(times), 30s).value()) {
        if (found.error.code() != ottla::ErrorCode::none) throw ottla::Exception(found.error);
        if (found.offset.is_absolute()) offsets[static_cast<std::size_t>(found.partition)] = found.offset.value();
    }
    return offsets;
}

void EventLog::seek(const Offsets& from) {
    next_ = from;
    std::vector<ottla::TopicPartition> partitions;
    for (std::size_t p = 0; p < next_.size(); ++p)
        partitions.emplace_back(topic_, static_cast<std::int32_t>(p), ottla::Offset(next_[p]));
    consumer_.assign(std::move(partitions)).value();
}

void EventLog::read_to(const Offsets& to, const Each& each) {
    const auto is_there = [&] {
        for (std::size_t p = 0; p < to.size(); ++p)
            if (next_[p] < to[p]) return false;
        return true;
    };
    while (!is_there()) {
        const auto batch = consumer_.poll_batch(100ms).value();
        for (const auto& record : batch) each(batch.partition(), record);
        records_read_ += static_cast<std::int64_t>(batch.size());
        // Behind a batch there may be offsets without a record: what compaction took.
        for (const auto& at : consumer_.position(consumer_.assignment()))
            if (auto& next = next_[static_cast<std::size_t>(at.partition)]; at.offset.is_absolute())
                next = std::max(next, at.offset.value());
    }
}

}  // namespace accounts
