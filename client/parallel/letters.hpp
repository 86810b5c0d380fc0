// SPDX-License-Identifier: Apache-2.0
// Letters: writes what failed to another topic, a retry topic or that of dead letters, with headers that tell where it
// came from. A call's records count as done when all of them are acknowledged; those that could not be written are
// tried again.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <ottla/producer.hpp>

#include <boost/asio.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "client/parallel/letter_headers.hpp"
#include "client/parallel/parallel_hook_calls.hpp"
#include "client/parallel/work_desk.hpp"

namespace ottla::client {

namespace asio = boost::asio;

class Letters : public std::enable_shared_from_this<Letters> {
public:
    struct Counts {
        std::uint64_t dead = 0;  // written
        std::uint64_t retries = 0;
        std::uint64_t failed = 0;
    };
    // `poke`: a letter failed, and is to be tried again at next_due(). Any thread.
    Letters(Producer, const ParallelConsumerConfig&, std::shared_ptr<WorkDesk>, const base::Clock&, base::Log,
            Function<void()> poke, std::shared_ptr<ParallelHookCalls> hooks);

    // Never blocks. Any thread.
    void send_dead(WorkCall, std::string why);
    void send_to_retry(const std::string& topic, WorkCall, std::string why);
    // Those whose time has come are sent again; those that are another's by now are given up.
    void send_again(base::TimePoint now);
    std::optional<base::TimePoint> next_due() const;
    Counts counts() const noexcept { return {dead_, retries_, failed_}; }
    Result<void> close(std::chrono::nanoseconds timeout) { return producer_.close(timeout); }
    // On the producer's loop.
    static asio::awaitable<Result<void>> close_async(std::shared_ptr<Letters> self, std::chrono::nanoseconds timeout);

private:
    struct Letter;
    using LetterPtr = std::shared_ptr<Letter>;

    void begin(LetterKind, const std::string& topic, WorkCall, std::string why);
    void send(const LetterPtr&);
    void on_report(const LetterPtr&, const Error&);
    void on_all(const LetterPtr&);
    void tell(const Letter&);
    // A line that says what to do, but not one for each letter.
    void complain(const Letter&, const Error&);

    Producer producer_;
    const std::string dead_letter_topic_;
    const std::string group_;
    const std::chrono::milliseconds first_delay_;
    const std::chrono::milliseconds delay_max_;
    std::shared_ptr<WorkDesk> desk_;
    const base::Clock& clock_;
    const base::Log log_;
    Function<void()> poke_;
    const std::shared_ptr<ParallelHookCalls> hooks_;
    std::atomic<std::uint64_t> dead_{0};
    std::atomic<std::uint64_t> retries_{0};
    std::atomic<std::uint64_t> failed_{0};
    mutable std::mutex waiting_mutex_;  // guards what follows
    std::vector<LetterPtr> waiting_;
    base::TimePoint quiet_until_;
    ErrorCode complained_of_ = ErrorCode::none;
    std::uint64_t unsaid_ = 0;
};

}  // namespace ottla::client
