// SPDX-License-Identifier: Apache-2.0
// What a ParallelConsumer's handler gets, and what it says of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <ottla/function.hpp>
#include <ottla/message.hpp>

namespace ottla::inline v0 {

// What is worked on: a message, and how often that was begun.
class WorkItem : public Message {
public:
    WorkItem() = default;
    WorkItem(Message message, std::int32_t attempt) noexcept : Message(std::move(message)), attempt_(attempt) {}

    // 1 the first time. Counted from the beginning again after a restart or a rebalance, but for what retry topics have
    // counted.
    std::int32_t attempt() const noexcept { return attempt_; }
    // Where the record stood first: its own place, or what a record in a retry topic says of that. The text lives as
    // long as the item.
    std::string_view origin_topic() const;
    std::int32_t origin_partition() const;
    std::int64_t origin_offset() const;
    std::int64_t origin_timestamp_ms() const;
    bool is_from_retry_topic() const noexcept { return is_from_retry_topic_; }

    // The same in memory of its own.
    WorkItem copy() const;
    // Whose headers say what was before; `attempt` goes on from there. Not for users.
    static WorkItem from_retry_topic(Message message, std::int32_t attempt);

private:
    std::int32_t attempt_ = 1;
    bool is_from_retry_topic_ = false;
    bool has_origin_ = false;
};

// What a handler says of what it was given.
class [[nodiscard]] Handled {
public:
    enum class What : std::uint8_t { done, retry, reject };

    static Handled done() { return Handled(What::done, std::nullopt, {}); }
    // Again, after the delay, or by way of the topic, that the configuration says. An exception that a handler throws
    // means the same.
    static Handled retry(std::string why) { return Handled(What::retry, std::nullopt, std::move(why)); }
    // Again after this delay, here, without a retry topic.
    static Handled retry_after(std::chrono::milliseconds delay, std::string why) {
        return Handled(What::retry, delay, std::move(why));
    }
    // Never again: to the dead-letter topic.
    static Handled reject(std::string why) { return Handled(What::reject, std::nullopt, std::move(why)); }

    What what() const noexcept { return what_; }
    std::optional<std::chrono::milliseconds> delay() const noexcept { return delay_; }
    const std::string& why() const noexcept { return why_; }

private:
    Handled(What what, std::optional<std::chrono::milliseconds> delay, std::string why)
        : what_(what),
          delay_(delay),
          why_(std::move(why)) {}

    What what_;
    std::optional<std::chrono::milliseconds> delay_;
    std::string why_;
};

// Each is called by many threads at a time. A Handler may take `const Message&` instead.
using Handler = Function<Handled(const WorkItem&)>;
// Answers for all of them. What is tried again comes alone.
using BatchHandler = Function<Handled(std::span<const WorkItem>)>;
using AsyncHandler = Function<boost::asio::awaitable<Handled>(WorkItem)>;

}  // namespace ottla::inline v0
