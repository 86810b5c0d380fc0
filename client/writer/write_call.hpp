// SPDX-License-Identifier: Apache-2.0
// WriteCall: what becomes of the messages of one Writer::write_messages(). Reports come on the loop, who waits is
// elsewhere. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <ottla/writer.hpp>

#include "base/clock.hpp"

namespace ottla::client {

// What a writer's calls share.
struct WriterState {
    explicit WriterState(std::string of_all) : topic(std::move(of_all)) {}

    const std::string topic;  // of all messages; empty: each names its own
    std::atomic<std::uint64_t> writes{0};
    std::atomic<std::uint64_t> messages{0};
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> errors{0};
};

class WriteCall {
public:
    WriteCall(std::shared_ptr<WriterState>, std::size_t count);

    const WriterState& writer() const noexcept { return *writer_; }
    // It has a single message.
    bool is_of_one() const noexcept { return is_of_one_; }
    // The producer has the message: whatever follows, it may be written.
    void took(std::size_t index);
    // Once for each message.
    void tell(std::size_t index, const Error&, DeliveryStatus);
    void tell(std::size_t index, const DeliveryReport&, std::size_t bytes);
    bool is_complete() const;
    // Blocks until it is, or until `deadline`.
    void wait_until(base::TimePoint deadline);
    // Once. Those that nothing was told of fail with `unheard`; what is told of them later is ignored.
    WriteResult finish(const Error& unheard);

private:
    const std::shared_ptr<WriterState> writer_;
    const bool is_of_one_;

    mutable std::mutex told_;  // guards all that follows
    std::condition_variable complete_;
    std::size_t left_;
    std::vector<Error> errors_;
    std::vector<DeliveryStatus> statuses_;
    std::vector<bool> heard_;
    std::size_t written_ = 0;
    std::size_t bytes_ = 0;
    bool is_finished_ = false;
};

}  // namespace ottla::client
