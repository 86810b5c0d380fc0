// SPDX-License-Identifier: Apache-2.0
// Writer: kafka-go's face of a producer, in two calls: write_messages() returns when every message is acknowledged or
// given up, and tells which were not written; close() ends it. No thread besides the producer's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ottla/producer.hpp>

namespace ottla::client {
struct WriterState;
}

namespace ottla::inline v0 {

enum class RequiredAcks : std::uint8_t { all, one, none };

// Each default is the producer's, but for the balancer's and write_timeout's.
struct WriterConfig {
    // "host:port", several with commas between.
    std::string brokers;
    // Of all messages; empty: each names its own.
    std::string topic;
    // What the setting `partitioner` takes: "round_robin", "murmur2_random", "fnv1a_random", …
    std::string balancer = "round_robin";
    // Instead of it.
    PartitionerFunction balancer_function = nullptr;
    // A batch goes when it has so many messages, or bytes,
    std::int32_t batch_size = 10'000;
    std::int64_t batch_bytes = 1'000'000;
    // or when its first message is so old, while others of its partition are in flight; else at once.
    std::chrono::milliseconds batch_timeout{5};
    // Other than `all`, a retry may write a message twice.
    RequiredAcks required_acks = RequiredAcks::all;
    // "none", "gzip", "snappy", "lz4", "zstd"
    std::string compression = "none";
    // 0: as many as there is time for. 1: none is tried again; then one may be written twice, or in another order.
    std::int32_t max_attempts = 0;
    // A message that is not acknowledged by then is given up.
    std::chrono::milliseconds write_timeout{10'000};
    // More settings, by librdkafka's names. They win over what stands above.
    Config config;
};

// What became of the messages of a call that did not write them all.
class WriteErrors {
public:
    WriteErrors() = default;
    // Both have an entry for each message, in their order.
    WriteErrors(std::vector<Error> each, std::vector<DeliveryStatus> statuses);

    // An entry for each message, in their order; code none: it was written.
    const std::vector<Error>& each() const& noexcept { return each_; }
    std::vector<Error> each() && { return std::move(each_); }  // so that a loop over written.error().each() holds
    // The same: what is not_persisted can be written again without being there twice.
    const std::vector<DeliveryStatus>& statuses() const& noexcept { return statuses_; }
    std::vector<DeliveryStatus> statuses() && { return std::move(statuses_); }
    // How many were not written.
    std::size_t count() const noexcept;
    // The first of the errors: "3 of 10 messages were not written; the first is message 4: …".
    Error summary() const;

private:
    std::vector<Error> each_;
    std::vector<DeliveryStatus> statuses_;
};
// The summary.
std::string to_string(const WriteErrors&);
// What .value() does: throws Exception with the summary.
[[noreturn]] void throw_exception_from_error(const WriteErrors&, const boost::source_location&);

// Nothing, when every message was written, or the WriteErrors.
class [[nodiscard]] WriteResult : public boost::system::result<void, WriteErrors> {
    using Base = boost::system::result<void, WriteErrors>;

public:
    using Base::Base;
};

// Counts since the writer was made.
struct WriterStats {
    std::uint64_t writes = 0;    // calls that have ended
    std::uint64_t messages = 0;  // acknowledged, of these calls
    std::uint64_t bytes = 0;     // keys, values and headers of these messages
    std::uint64_t errors = 0;    // messages not written, or not acknowledged when the call's time was up
};
// "3 writes, 10 messages (420 bytes), 1 errors"
std::string to_string(const WriterStats&);

// A handle as Producer is: move it, or share it between threads by reference; every call may come from any thread.
class Writer {
public:
    // Starts one I/O thread. Fails on a setting that is wrong, which it names by librdkafka's name.
    static Result<Writer> create(WriterConfig);
    // Runs on the caller's executor, which somebody must run.
    static Result<Writer> create(boost::asio::any_io_executor, WriterConfig);
    // Over a producer with settings of its own.
    explicit Writer(Producer, std::string topic = {});

    Writer(Writer&&) noexcept;
    Writer& operator=(Writer&&) noexcept;
    // As close(0).
    ~Writer();

    // Blocks until each message is acknowledged or given up, also for room in the queue, at most for `timeout`. Then
    // those that nobody has heard of are timed_out and may still be written; those that never found room are
    // queue_full. One that is refused (as by Producer::produce(), or because it names another topic than the writer)
    // does not keep the others from being written. Messages of one partition stay in their order. On the writer's own
    // loop: invalid_state for each.
    WriteResult write_messages(std::span<const Record> messages, std::chrono::nanoseconds timeout);
    // The same without blocking; completes with void(WriteResult). The messages are copied when it is initiated.
    // Cancelling ends the wait: what is not told by then is `cancelled`, and may be written.
    template <class Token>
    auto async_write_messages(std::span<const Record> messages, std::chrono::nanoseconds timeout, Token&& token) {
        return boost::asio::async_initiate<Token, void(WriteResult)>(
            [](auto handler, Writer* self, std::span<const Record> m, std::chrono::nanoseconds t) {
                self->start_write(m, t, WriteCompletion(std::move(handler)));
            },
            token, this, messages, timeout);
    }

    // As Producer::close().
    Result<void> close(std::chrono::nanoseconds timeout) { return producer_.close(timeout); }
    template <class Token>
    auto async_close(std::chrono::nanoseconds timeout, Token&& token) {
        return producer_.async_close(timeout, std::forward<Token>(token));
    }
    bool is_closed() const noexcept { return producer_.is_closed(); }

    WriterStats stats() const noexcept;
    // As Producer::name().
    const std::string& name() const noexcept { return producer_.name(); }

private:
    using WriteCompletion = boost::asio::any_completion_handler<void(WriteResult)>;
    void start_write(std::span<const Record>, std::chrono::nanoseconds timeout, WriteCompletion);

    Producer producer_;
    std::shared_ptr<client::WriterState> state_;
};

}  // namespace ottla::inline v0
