// SPDX-License-Identifier: Apache-2.0
// CommitWait: waits on a shard until appends to several of its partitions are committed, or a deadline.
#pragma once

#include <deque>
#include <memory>

#include "broker/partitions/partition.hpp"
#include "net/signal.hpp"

namespace ottla::broker {

class CommitWait {
public:
    explicit CommitWait(net::asio::any_io_executor executor) : signal_(std::move(executor)) {}
    CommitWait(const CommitWait&) = delete;
    CommitWait& operator=(const CommitWait&) = delete;
    // Whoever is still waited for will not call back.
    ~CommitWait() {
        for (const auto& entry : entries_) {
            if (entry.open) entry.partition->cancel(entry.id);
        }
    }

    // `error` gets the code of what went wrong; it must outlive the wait.
    void add(std::shared_ptr<Partition> partition, std::int64_t end_offset, Error& error) {
        auto& entry = entries_.emplace_back(Entry{std::move(partition), 0, &error, true});
        ++open_;
        entry.id = entry.partition->wait_committed(end_offset, [this, &entry](const Result<void>& done) {
            if (!done) *entry.error = done.error();
            entry.open = false;
            if (--open_ == 0) signal_.notify();
        });
    }

    // Returns when all are committed or failed; at `deadline` the others get request_timed_out.
    net::asio::awaitable<void> wait(net::Timers& timers, net::TimePoint deadline) {
        while (open_ != 0) {
            const bool notified = co_await signal_.wait_until(timers, deadline);
            if (!notified) break;
        }
        for (auto& entry : entries_) {
            if (entry.open) *entry.error = Error::of(ErrorCode::request_timed_out);
        }
    }

private:
    struct Entry {
        std::shared_ptr<Partition> partition;
        Partition::WaitId id;
        Error* error;
        bool open;
    };

    net::Signal signal_;
    std::deque<Entry> entries_;  // callbacks refer to them
    std::size_t open_ = 0;
};

}  // namespace ottla::broker
