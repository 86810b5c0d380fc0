// SPDX-License-Identifier: Apache-2.0
// Requester: asks questions over one topic and awaits the replies on another, which is its own; any number of them at
// the same time. All of it runs on one executor of one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <boost/asio.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>

namespace rpc {

class Requester {
public:
    // `replies`: a topic of this instance alone, with one partition.
    Requester(boost::asio::any_io_executor, const std::string& brokers, std::string requests, std::string replies);

    // To be awaited before the first question: from here on replies are read. Throws.
    boost::asio::awaitable<void> start();
    // The reply, or timed_out: then it may have been worked on, or not, or yet be. Or why the question was not sent.
    boost::asio::awaitable<ottla::Result<std::string>> ask(std::string question, std::chrono::milliseconds timeout);
    // Nothing may be asked any more.
    boost::asio::awaitable<void> stop();

    // Replies that nobody waited for (any more): too late, or for the second time.
    std::uint64_t dropped() const noexcept { return dropped_; }

private:
    struct Waiting {
        explicit Waiting(boost::asio::any_io_executor executor, std::chrono::milliseconds timeout)
            : timer(std::move(executor), timeout) {}
        boost::asio::steady_timer timer;
        std::optional<ottla::Result<std::string>> outcome;
    };

    boost::asio::awaitable<void> read_replies();
    void settle(const std::string& id, ottla::Result<std::string> outcome);

    boost::asio::any_io_executor executor_;
    const std::string requests_;
    const std::string replies_;
    // Ids of an earlier life must not be taken for ours.
    const std::string prefix_;
    std::uint64_t next_ = 0;
    std::map<std::string, Waiting*> waiting_;
    std::uint64_t dropped_ = 0;
    ottla::Producer producer_;
    ottla::Consumer consumer_;
};

}  // namespace rpc
