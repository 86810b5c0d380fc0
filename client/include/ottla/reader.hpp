// SPDX-License-Identifier: Apache-2.0
// Reader: kafka-go's face of a consumer: a partition, or a group's share of topics, one message at a time.
// read_message() takes care of the commits, fetch_message() leaves them to commit_messages(). No thread besides the
// consumer's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ottla/consumer.hpp>

namespace ottla::client {
struct ReaderState;
}

namespace ottla::inline v0 {

// Each default is the consumer's, but for start_offset's and commit_interval's.
struct ReaderConfig {
    // "host:port", several with commas between.
    std::string brokers;
    std::string topic;
    // Without a group.
    std::int32_t partition = 0;
    // As a member of this group, which shares the topic among its members, or
    std::string group_id;
    // these topics instead of `topic`.
    std::vector<std::string> group_topics;
    // Where to begin: an offset, beginning, end or tail(n). A group begins so where it has committed nothing, and takes
    // beginning and end alone.
    Offset start_offset = Offset::beginning();
    // How often a group's offsets are committed, as read_message() has come past them. 0: each by the next
    // read_message(), which waits for that.
    std::chrono::milliseconds commit_interval{1000};
    // A broker answers when it has so much, of a partition at most so much,
    std::int32_t min_bytes = 1;
    std::int32_t max_bytes = 1'048'576;
    // or after so long.
    std::chrono::milliseconds max_wait{500};
    // More settings, by librdkafka's names. They win over what stands above.
    Config config;
};

// Counts since the reader was made.
struct ReaderStats {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;       // keys and values of these messages
    std::uint64_t timeouts = 0;    // reads that ended without a message
    std::uint64_t errors = 0;      // reads that ended with another error
    std::uint64_t rebalances = 0;  // assignments that a group gave
};
// "10 messages (420 bytes), 1 timeouts, 0 errors, 1 rebalances"
std::string to_string(const ReaderStats&);

// A handle: move it, or share it between threads by reference. One thread at a time reads (read_message, fetch_message
// and their twins, which also run the group's rebalances); the other calls may come from any thread meanwhile.
class Reader {
public:
    // Starts one I/O thread, and begins to read or to join in the background. Errors: invalid_argument names what is
    // wrong, by the name here or librdkafka's.
    static Result<Reader> create(ReaderConfig);
    // Runs on the caller's executor, which somebody must run. Blocking calls fail with invalid_state on it.
    static Result<Reader> create(boost::asio::any_io_executor, ReaderConfig);

    Reader(Reader&&) noexcept;
    Reader& operator=(Reader&&) noexcept;
    // As close() within a second, but what read_message() gave last does not count as done: it comes again.
    ~Reader();

    // The next message. In a group the one before counts as done by this call, and is committed: after a crash a
    // message may come again, and none is left out. Errors: timed_out; closed; what a read of Consumer gives; with
    // commit_interval 0 those of a commit: assignment_lost when the message before is another member's by now.
    Result<Message> read_message(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_read_message(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<Message>(std::forward<Token>(token), *this, &start_read, timeout, true);
    }
    // The next message, to be committed by commit_messages().
    Result<Message> fetch_message(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_fetch_message(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<Message>(std::forward<Token>(token), *this, &start_read, timeout, false);
    }
    // These are done, and all before them in their partitions. Waits. Errors: invalid_state without a group; those of
    // Consumer::commit(), or of the first partition that failed.
    Result<void> commit_messages(std::span<const Message> messages, std::chrono::nanoseconds timeout);
    Result<void> commit_messages(const Message& message, std::chrono::nanoseconds timeout) {
        return commit_messages({&message, 1}, timeout);
    }
    template <class Token>
    auto async_commit_messages(std::span<const Message> messages, std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<void>(std::forward<Token>(token), *this, &start_commit, behind(messages), timeout);
    }

    // Ends the read that waits for a message, or else the next one, with `cancelled`: as Consumer::wakeup().
    void wakeup() { consumer_.wakeup(); }

    // From now on it is read from here: an offset, beginning, end or tail(n). Nothing of the old place comes
    // afterwards. invalid_state in a group.
    Result<void> set_offset(Offset);
    // From the first message that is not older; without one, from the end. Asks the broker.
    Result<void> set_offset_at(std::chrono::system_clock::time_point, std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_set_offset_at(std::chrono::system_clock::time_point time, std::chrono::nanoseconds timeout,
                             Token&& token) {
        return detail::call<void>(std::forward<Token>(token), *this, &start_set_offset_at, time, timeout);
    }
    // Of the next message; invalid as long as that is not known, and in a group.
    Offset offset() const;
    // How far behind the end it is, as the last fetch told, all assigned partitions together; nothing as long as that
    // is not known of one of them.
    std::optional<std::int64_t> lag() const;
    ReaderStats stats() const noexcept;
    // As it was given.
    const ReaderConfig& config() const noexcept;
    // Whatever has no call here.
    Consumer& consumer() noexcept { return consumer_; }

    // What read_message() gave last counts as done, is committed, and the group is left. As Consumer::close().
    Result<void> close(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_close(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<void>(std::forward<Token>(token), *this, &start_close, timeout);
    }
    bool is_closed() const noexcept { return consumer_.is_closed(); }

private:
    Reader(Consumer, std::shared_ptr<client::ReaderState>);
    template <class... Executor>
    static Result<Reader> make(ReaderConfig, Executor...);
    Result<void> begin();
    Result<Message> read(std::chrono::nanoseconds timeout, bool commits);
    static std::vector<TopicPartition> behind(std::span<const Message>);
    static void start_read(Reader&, std::chrono::nanoseconds, bool commits, Completion<Message>);
    static void start_commit(Reader&, std::vector<TopicPartition>, std::chrono::nanoseconds, Completion<void>);
    static void start_set_offset_at(Reader&, std::chrono::system_clock::time_point, std::chrono::nanoseconds,
                                    Completion<void>);
    static void start_close(Reader&, std::chrono::nanoseconds, Completion<void>);

    Consumer consumer_;
    std::shared_ptr<client::ReaderState> state_;
};

}  // namespace ottla::inline v0
