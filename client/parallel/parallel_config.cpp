// SPDX-License-Identifier: Apache-2.0
#include "client/parallel/parallel_config.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "client/group/subscription.hpp"

namespace ottla::client {
namespace {

Error bad_setting(std::string text) {
    return Error::of(ErrorCode::invalid_argument, "ParallelConsumerConfig::" + std::move(text));
}

struct Range {
    std::string_view name;
    std::int64_t value;
    std::int64_t from;
    std::int64_t to;
};

Result<void> check_ranges(const ParallelConsumerConfig& c) {
    constexpr std::int64_t hour_ms = 3'600'000;
    const std::array ranges{Range{"max_concurrency", c.max_concurrency, 1, 100'000},
                            Range{"batch_size", c.batch_size, 1, 1'000'000},
                            Range{"buffered_records", c.buffered_records, 1, 100'000'000},
                            Range{"buffered_bytes", c.buffered_bytes, 1, std::int64_t{1} << 40},
                            Range{"commit_interval", c.commit_interval.count(), 1, hour_ms},
                            Range{"commit_every", c.commit_every, 0, 1'000'000'000},
                            Range{"metadata_bytes", c.metadata_bytes, 0, 64 * 1024},
                            Range{"max_attempts", c.max_attempts, 0, 1'000'000'000},
                            Range{"retry_delay", c.retry_delay.count(), 0, 24 * hour_ms},
                            Range{"retry_delay_max", c.retry_delay_max.count(), c.retry_delay.count(), 24 * hour_ms},
                            Range{"revoke_timeout", c.revoke_timeout.count(), 0, hour_ms}};
    for (const auto& r : ranges)
        if (r.value < r.from || r.value > r.to)
            return bad_setting(fmt::format("{} is {}: from {} to {}", r.name, r.value, r.from, r.to));
    return ok();
}

Result<void> check_retry_topics(const ParallelConsumerConfig& c) {
    constexpr std::size_t topics_max = 100;
    constexpr auto delay_max = std::chrono::hours(24 * 7);
    if (c.retry_topics.size() > topics_max)
        return bad_setting(fmt::format("retry_topics has {}: at most {}", c.retry_topics.size(), topics_max));
    if (!c.retry_topics.empty() && c.retry_delay_function)
        return bad_setting("retry_delay_function and retry_topics exclude each other: each topic has its delay");
    for (std::size_t i = 0; i < c.retry_topics.size(); ++i) {
        const auto& [topic, delay] = c.retry_topics[i];
        const auto is_it = [&](const std::string& other) { return other == topic; };
        if (topic.empty() || topic.starts_with('^'))
            return bad_setting(fmt::format("retry_topics has '{}', which is no topic's name", topic));
        if (delay.count() < 0 || delay > delay_max)
            return bad_setting(fmt::format("retry_topics has '{}' with a delay of {} ms: from 0 to {}", topic,
                                           delay.count(), std::chrono::milliseconds(delay_max).count()));
        const auto before = std::span(c.retry_topics).first(i);
        if (std::ranges::any_of(before, is_it, &RetryTopic::topic) || std::ranges::any_of(c.topics, is_it) ||
            is_it(c.dead_letter_topic))
            return bad_setting(fmt::format("retry_topics has '{}', which is named elsewhere, too", topic));
    }
    return ok();
}

Result<void> check_dead_letter_topic(const ParallelConsumerConfig& c) {
    if (c.dead_letter_topic.empty()) return ok();
    for (const auto& topic : c.topics) {
        const auto read = Subscription::parse({topic});
        if (read && read->matches(c.dead_letter_topic))
            return bad_setting(
                fmt::format("dead_letter_topic is '{}', which '{}' of topics reads: dead letters would "
                            "come back without end",
                            c.dead_letter_topic, topic));
    }
    return ok();
}

// While partitions are given back nobody polls, and the group waits no longer. The rest is for the commit, and for what
// is assigned then.
Result<void> check_revoke_timeout(const ParallelConsumerConfig& c, const ParallelSettings& settings) {
    const auto consumer = settings.for_consumer();
    if (!consumer) return consumer.error();
    const auto interval = consumer->group.max_poll_interval;
    if (c.revoke_timeout <= interval / 2) return ok();
    return bad_setting(
        fmt::format("revoke_timeout is {} ms: at most {}, half of max.poll.interval.ms ({}), after which the group "
                    "counts a member that has not polled as gone",
                    c.revoke_timeout.count(), (interval / 2).count(), interval.count()));
}

Result<Config> put_together(std::vector<Config::Entry> entries, const Config& more) {
    for (const auto& [name, value] : more.entries()) entries.emplace_back(name, value);
    Config config;
    for (const Config::Entry& entry : entries)
        if (auto set = config.set(entry.name, entry.value); !set) return set.error();
    return config;
}

}  // namespace

Result<ParallelSettings> parallel_settings(const ParallelConsumerConfig& c) {
    if (auto fine = check_ranges(c); !fine) return fine.error();
    const auto& more = c.config.entries();
    if (c.group_id.empty() && !more.contains("group.id"))
        return bad_setting("group_id is empty: whose offsets are they?");
    if (c.topics.empty()) return bad_setting("topics is empty: what is to be read?");
    for (const char* own : {"enable.auto.commit", "enable.auto.offset.store"})
        if (more.contains(own))
            return bad_setting(fmt::format("config sets {}: the parallel consumer itself commits what is done", own));

    std::vector<Config::Entry> entries = {{"enable.auto.commit", false}, {"enable.auto.offset.store", false}};
    if (!c.brokers.empty()) entries.emplace_back("bootstrap.servers", c.brokers);
    if (!c.group_id.empty()) entries.emplace_back("group.id", c.group_id);
    auto consumer = put_together(std::move(entries), c.config);
    if (!consumer) return consumer.error();
    ParallelSettings settings;
    settings.consumer = std::move(*consumer);
    if (auto fine = check_retry_topics(c); !fine) return fine.error();
    if (auto fine = check_dead_letter_topic(c); !fine) return fine.error();
    if (auto fine = check_revoke_timeout(c, settings); !fine) return fine.error();
    for (const auto& retry : c.retry_topics) settings.whole_topics.insert(retry.topic);
    if (c.dead_letter_topic.empty() && c.retry_topics.empty()) {
        if (!c.producer_config.entries().empty())
            return bad_setting("producer_config needs a dead_letter_topic, or retry_topics");
        return settings;
    }
    // By the names that entries() has.
    if (c.producer_config.entries().contains("request.required.acks"))
        return bad_setting("producer_config sets acks: dead letters and retries are written with acks=all");
    // Whatever could be read can be written, as far as the topic lets it.
    std::vector<Config::Entry> writes = {{"acks", "all"}, {"message.max.bytes", 10'000'000}};
    if (const auto brokers = settings.consumer.get("bootstrap.servers"); brokers && !brokers->empty())
        writes.emplace_back("bootstrap.servers", *brokers);
    auto producer = put_together(std::move(writes), c.producer_config);
    if (!producer) return producer.error();
    settings.producer = std::move(*producer);
    return settings;
}

Result<ConsumerConfig> ParallelSettings::for_consumer() const {
    auto config = consumer_config(consumer, {});
    if (config) config->whole_topics = whole_topics;
    return config;
}

std::chrono::milliseconds retry_delay(const ParallelConsumerConfig& c, std::int32_t attempt) noexcept {
    auto delay = c.retry_delay;
    for (std::int32_t i = 1; i < attempt && delay < c.retry_delay_max && delay.count() > 0; ++i) delay *= 2;
    return std::min(delay, c.retry_delay_max);
}

}  // namespace ottla::client
