// SPDX-License-Identifier: Apache-2.0
// PriorityConsumer: reads topics in classes, the important ones first. One member of a group for all of them; it is
// polled, and commits, as a Consumer does.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ottla/consumer.hpp>

namespace ottla::client {
class PriorityCore;
}

namespace ottla::inline v0 {

// Topics that are as urgent as each other.
struct PriorityClass {
    // For stats() and describe(). Empty: "class 1" is the first.
    std::string name;
    // Names; no patterns. No topic is in two classes.
    std::vector<std::string> topics;
    // Of PriorityOrder::weighted, up to 1,000,000.
    std::int32_t weight = 1;
};

enum class PriorityOrder : std::uint8_t {
    strict,    // nothing of a class while one before it has records
    weighted,  // of classes that have records, each gets its weight's share of the records handed out
};
std::string_view to_string(PriorityOrder) noexcept;

struct PriorityConsumerConfig {
    // "host:port", several with commas between.
    std::string brokers;
    std::string group_id;
    // The most urgent first; at most 100.
    std::vector<PriorityClass> classes;
    PriorityOrder order = PriorityOrder::strict;
    // A class that has had records for so long and handed out none hands out the next one; its wait begins anew then.
    // Choose it well above what a record takes you, or classes take turns. 0: it waits.
    std::chrono::milliseconds starvation_limit{0};
    // Fetched ahead of each class. At so many its partitions pause, until half of them are left.
    std::int32_t buffered_records = 1000;
    // The same, in bytes of keys and values; beyond it comes what one fetch has brought of a partition.
    std::int64_t buffered_bytes = std::int64_t{16} << 20;
    // More settings, by librdkafka's names. They win over what stands above.
    Config config;
};

struct PriorityClassStats {
    std::string name;
    std::uint64_t handed_out = 0;     // records
    std::uint64_t starved_turns = 0;  // handed out as starvation_limit had passed
    // Now.
    std::uint64_t buffered = 0;
    bool is_paused = false;
    std::chrono::milliseconds waiting{0};  // for its turn
    std::uint64_t lag = 0;                 // records up to the end, as the last fetch told, buffered ones too
};

struct PriorityStats {
    std::vector<PriorityClassStats> classes;
    // Buffered when their partition went: whoever has it next gets them.
    std::uint64_t left_behind = 0;
};
// A line for each class: "urgent: 12 handed out, 3 here, 40 behind, waits 0 ms".
std::string to_string(const PriorityStats&);

// A handle: move it, or share it between threads by reference; every call may come from any thread, polls of several
// threads take turns. Must be polled at least every max.poll.interval.ms.
class PriorityConsumer {
public:
    // Subscribes and starts one I/O thread. Callbacks as of Consumer::subscribe(), without them poll() tells of
    // rebalances. Errors: invalid_argument and not_configured name what is wrong, by the name here or librdkafka's.
    static Result<PriorityConsumer> create(const PriorityConsumerConfig&, ConsumerOptions = {},
                                           RebalanceCallbacks = {});

    PriorityConsumer(PriorityConsumer&&) noexcept;
    PriorityConsumer& operator=(PriorityConsumer&&) noexcept;
    // As close(1 s), but what was handed out last does not count as done: it comes again.
    ~PriorityConsumer();

    // The next event, as of Consumer::poll(): messages in the order of the classes; errors and ends of partitions
    // behind the messages before them; all else at once. Not in a rebalance callback: an Error, invalid_state.
    std::optional<Event> poll(std::chrono::nanoseconds timeout);
    // The next message, or the error that came instead; timed_out when the time is up. All other events are passed
    // over.
    Result<Message> read_message(std::chrono::nanoseconds timeout);

    // Ends the poll that waits, or else the next one, with `cancelled`: as Consumer::wakeup().
    void wakeup();

    // As of Consumer: commits what was handed out so far, or what was stored; these offsets; this message as done. What
    // is buffered here never counts.
    Result<std::vector<TopicPartition>> commit(std::chrono::nanoseconds timeout);
    Result<std::vector<TopicPartition>> commit(std::vector<TopicPartition>, std::chrono::nanoseconds timeout);
    Result<std::vector<TopicPartition>> commit(const Message&, std::chrono::nanoseconds timeout);
    // For the next commit, of the application or by enable.auto.commit; needs enable.auto.offset.store=false.
    Result<void> store_offsets(std::vector<TopicPartition>);
    Result<void> store(const Message&);

    // Gives the partitions back, commits what was handed out or stored (with enable.auto.commit), leaves the group. Not
    // to be called while somebody works on what was handed out last: it counts as done. Never waits longer than
    // `timeout`. closed the second time; invalid_state in a rebalance callback.
    Result<void> close(std::chrono::nanoseconds timeout);
    bool is_closed() const noexcept;

    PriorityStats stats() const;
    // What it is at, for people: a line for each class.
    std::string describe() const;
    // Whatever has no call here. Not to be polled, subscribed, sought in, paused or closed.
    Consumer& consumer() noexcept;

private:
    explicit PriorityConsumer(std::shared_ptr<client::PriorityCore>) noexcept;

    std::shared_ptr<client::PriorityCore> core_;
};

}  // namespace ottla::inline v0
