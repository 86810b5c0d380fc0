// SPDX-License-Identifier: Apache-2.0
// ReaderState: what a Reader keeps beside its consumer: its settings, what read_message() gave last, and counts.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include <ottla/reader.hpp>

namespace ottla::client {

struct ReaderState {
    explicit ReaderState(ReaderConfig given) : config(std::move(given)) {}

    const ReaderConfig config;
    bool is_member = false;  // of a group; set before the reader is given away
    bool stores = false;     // the consumer commits by itself what is stored

    std::atomic<std::uint64_t> messages{0};
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> timeouts{0};
    std::atomic<std::uint64_t> errors{0};
    std::atomic<std::uint64_t> rebalances{0};

    void count(const Result<Message>& came) {
        if (came) {
            ++messages;
            bytes += came->key().size() + came->value().size();
        } else {
            ++(came.error() == ErrorCode::timed_out ? timeouts : errors);
        }
    }
    // What read_message() has given is in the application's hands; committed when that comes back for more.
    void handed_out(TopicPartition behind) {
        const std::lock_guard lock(handed_mutex);
        handed = std::move(behind);
    }
    std::optional<TopicPartition> take_back() {
        const std::lock_guard lock(handed_mutex);
        return std::exchange(handed, std::nullopt);
    }

private:
    std::mutex handed_mutex;  // guards what follows
    std::optional<TopicPartition> handed;
};

}  // namespace ottla::client
