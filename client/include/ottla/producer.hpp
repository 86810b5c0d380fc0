// SPDX-License-Identifier: Apache-2.0
// Producer: writes records. produce() never blocks and copies the record; what became of it comes as a
// DeliveryReport, exactly one per record: to a callback, as an event, or to whoever awaits async_produce().
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/async.hpp>
#include <ottla/config.hpp>
#include <ottla/delivery_report.hpp>
#include <ottla/event.hpp>
#include <ottla/function.hpp>
#include <ottla/hooks.hpp>
#include <ottla/log.hpp>
#include <ottla/metadata.hpp>
#include <ottla/offset.hpp>
#include <ottla/record.hpp>
#include <ottla/topic_partition.hpp>

namespace ottla::client {
class ProducerCore;
}

namespace ottla::inline v0 {

// Runs on the client's loop: it must not block and must not throw. 32 bytes of captures cost no allocation.
using DeliveryCallback = Function<void(const DeliveryReport&)>;

// The partition of a record that names none: 0 … partition_count - 1; anything else is unknown_partition. Asked for
// each record that has room in the queue, by the thread that calls produce(), or, for records that waited until the
// topic's partitions were known, by the loop: so several threads may ask at the same time. It must not throw nor block;
// it may call the producer, but none of its blocking calls.
using PartitionerFunction = Function<std::int32_t(const Record&, std::int32_t partition_count)>;

// What can't be said in a Config.
struct ProducerOptions {
    // Instead of the setting `partitioner`.
    PartitionerFunction partitioner = nullptr;
    // Instead of standard error.
    LogCallback log = nullptr;
    Hooks hooks = {};
};

enum class PurgeWhat : std::uint8_t {
    queued,     // what is not on its way: purged_from_queue; possibly persisted, if it was and waits to be sent again
    in_flight,  // what is sent and not answered: purged_in_flight, possibly persisted
    all,
};
std::string_view to_string(PurgeWhat) noexcept;

class Writer;

// A handle: move it, or share it between threads by reference; every call may come from any thread. In a child of
// fork() every call fails with invalid_state, and size() is 0: there it has no thread.
class Producer {
public:
    // Starts one I/O thread. Fails on a setting that is wrong; brokers are looked for in the background.
    static Result<Producer> create(const Config&, ProducerOptions = {});
    // Runs on the caller's executor, which somebody must run. Blocking calls fail with invalid_state on it.
    static Result<Producer> create(boost::asio::any_io_executor, const Config&, ProducerOptions = {});
    // Of the library's own making: a simulator's surroundings.
    explicit Producer(std::shared_ptr<client::ProducerCore>) noexcept;

    Producer(Producer&&) noexcept;
    Producer& operator=(Producer&&) noexcept;
    // As close(0): what is not sent yet is reported as not delivered.
    ~Producer();

    // The report comes as an event: call events(), for what is not fetched takes up room in the queue.
    // Answered at once: queue_full; closed; fatal; invalid_argument (no topic, a header without a name, a partition
    // below 0); invalid_topic_exception (a name that Kafka does not allow); message_too_large; unknown_partition, once
    // it is known how many there are. Nothing of the record is kept then.
    Result<void> produce(const Record&);
    Result<void> produce(const Record&, DeliveryCallback);
    // Blocks for as long when the queue is full, until there is room for the record; queue_full when the time is up. On
    // the client's own loop it is invalid_state. nullptr as the callback: the report comes as an event.
    Result<void> produce(const Record&, DeliveryCallback, std::chrono::nanoseconds block_for);

    // Completes with the report, once the record is delivered or given up.
    template <class Token>
    auto async_produce(const Record& record, Token&& token) {
        return detail::call<DeliveryReport>(std::forward<Token>(token), *core_, &start_produce, record);
    }

    // The next event: a DeliveryReport, an Error, Statistics (every statistics.interval.ms), or a LogEvent (with
    // log.queue=true). Nothing when the time is up.
    std::optional<Event> events(std::chrono::nanoseconds timeout);

    // What the producer counts and measures, as JSON in the layout of librdkafka's STATISTICS.md; the windows hold what
    // came since they were last asked for or emitted. timed_out, closed; invalid_state on the loop.
    Result<std::string> statistics(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_statistics(Token&& token) {
        return detail::call<std::string>(std::forward<Token>(token), *core_, &start_statistics);
    }

    // One topic, or all of them, straight from a broker. A topic that does not exist is made, as for produce(), where
    // brokers do so (auto.create.topics.enable), or carries its error. timed_out, closed; invalid_state on the loop.
    Result<Metadata> metadata(std::optional<std::string> topic, std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_metadata(std::optional<std::string> topic, std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<Metadata>(std::forward<Token>(token), *core_, &start_metadata, std::move(topic), timeout);
    }
    // Asks the leader; of open transactions, too, the end is the last record.
    Result<WatermarkOffsets> query_watermark_offsets(std::string_view topic, std::int32_t partition,
                                                     std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_query_watermark_offsets(std::string_view topic, std::int32_t partition, std::chrono::nanoseconds timeout,
                                       Token&& token) {
        return detail::call<WatermarkOffsets>(std::forward<Token>(token), *core_, &start_query_watermark_offsets,
                                              TopicPartition(std::string(topic), partition), timeout);
    }
    // For each partition, the first offset whose record is not older than the time (milliseconds) given as its
    // offset; Offset::end() where there is none. Errors are per partition.
    Result<std::vector<TopicPartition>> offsets_for_times(std::vector<TopicPartition>,
                                                          std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_offsets_for_times(std::vector<TopicPartition> times, std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<std::vector<TopicPartition>>(std::forward<Token>(token), *core_, &start_offsets_for_times,
                                                         std::move(times), timeout);
    }

    // Records not reported yet, and reports not fetched yet by events().
    std::size_t size() const noexcept;
    // Waits until a quarter of the queue is free again: what to do on queue_full. queue_full when the time is up;
    // closed or fatal when there will be none.
    Result<void> wait_for_room(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_wait_for_room(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<void>(std::forward<Token>(token), *core_, &start_wait_for_room, timeout);
    }

    // Sends without lingering and waits until all is reported, to callbacks or as events still to be fetched; how many
    // are left when the time is up. closed, when the thread of its own has ended.
    Result<std::size_t> flush(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_flush(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<std::size_t>(std::forward<Token>(token), *core_, &start_flush, timeout);
    }

    // Reports records as failed without waiting for their delivery.
    Result<void> purge(PurgeWhat);
    template <class Token>
    auto async_purge(PurgeWhat what, Token&& token) {
        return detail::call<void>(std::forward<Token>(token), *core_, &start_purge, what);
    }

    // Why the producer can do no more: the brokers refuse it a producer id, say. produce() fails with it, too; what was
    // queued has been reported as failed, what is in flight ends as it does. Close it. Nothing: it can.
    std::optional<Error> fatal_error() const;
    // Makes the producer fail so, for tests of programs. invalid_state when it has failed before, or is closed.
    Result<void> test_fatal_error(ErrorCode code, std::string_view reason);

    // Flushes for at most `timeout`, reports the rest as not delivered, ends the connections and the thread.
    // Never waits longer. A second call finds nothing to do.
    Result<void> close(std::chrono::nanoseconds timeout);
    template <class Token>
    auto async_close(std::chrono::nanoseconds timeout, Token&& token) {
        return detail::call<void>(std::forward<Token>(token), *core_, &start_close, timeout);
    }
    bool is_closed() const noexcept;

    // "client.id#producer-N"
    const std::string& name() const noexcept;

private:
    friend class Writer;
    static void start_produce(client::ProducerCore&, const Record&, Completion<DeliveryReport>);
    static void start_flush(client::ProducerCore&, std::chrono::nanoseconds, Completion<std::size_t>);
    static void start_wait_for_room(client::ProducerCore&, std::chrono::nanoseconds, Completion<void>);
    static void start_purge(client::ProducerCore&, PurgeWhat, Completion<void>);
    static void start_statistics(client::ProducerCore&, Completion<std::string>);
    static void start_metadata(client::ProducerCore&, std::optional<std::string>, std::chrono::nanoseconds,
                               Completion<Metadata>);
    static void start_query_watermark_offsets(client::ProducerCore&, TopicPartition, std::chrono::nanoseconds,
                                              Completion<WatermarkOffsets>);
    static void start_offsets_for_times(client::ProducerCore&, std::vector<TopicPartition>, std::chrono::nanoseconds,
                                        Completion<std::vector<TopicPartition>>);
    static void start_close(client::ProducerCore&, std::chrono::nanoseconds, Completion<void>);

    void let_go() noexcept;

    std::shared_ptr<client::ProducerCore> core_;
};

}  // namespace ottla::inline v0
