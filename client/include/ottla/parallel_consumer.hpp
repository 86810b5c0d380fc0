// SPDX-License-Identifier: Apache-2.0
// ParallelConsumer: works on many records of few partitions at once. You give a handler; it keeps the order that you
// ask for, commits only what is done and all before it, tries again what failed, and sets aside what never succeeds.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <ottla/consumer.hpp>
#include <ottla/parallel_hooks.hpp>
#include <ottla/work_item.hpp>

namespace ottla::client {
class ParallelCore;
}

namespace ottla::inline v0 {

enum class WorkOrder : std::uint8_t {
    key,        // records of one key in one partition one after the other; those without a key in no order
    partition,  // records of one partition one after the other
    none,
};
std::string_view to_string(WorkOrder) noexcept;

// Where a record that failed waits for its next attempt.
struct RetryTopic {
    std::string topic;
    // From when it is written there. Its next attempt comes no earlier, and as a rule at most a twentieth later.
    std::chrono::milliseconds delay{0};
};

struct ParallelConsumerConfig {
    // "host:port", several with commas between.
    std::string brokers;
    std::string group_id;
    // Names, or patterns that begin with ^, as Consumer::subscribe() takes them.
    std::vector<std::string> topics;

    WorkOrder order = WorkOrder::key;
    // Calls of the handler at once: so many threads, or coroutines.
    std::int32_t max_concurrency = 16;
    // Records of one call of a BatchHandler, at most.
    std::int32_t batch_size = 100;
    // Partitions pause when so many records, or bytes of keys and values, are here, until half of that is; what is
    // decoded at a time, up to 1,024 records or one record batch that has more, still comes in as a whole.
    std::int32_t buffered_records = 10'000;
    std::int64_t buffered_bytes = 32 << 20;

    // What is done is committed so often,
    std::chrono::milliseconds commit_interval{1000};
    // and when so many records are done. 0: by time alone.
    std::int32_t commit_every = 0;
    // Nothing is taken in until a commit is answered.
    bool waits_for_commits = false;
    // Of the map of what is done beyond the committed offset; the broker's offset.metadata.max.bytes, which wins where
    // it is lower, with a warning. A partition whose map needs three quarters of it pauses. 0: no maps; what was done
    // out of order is then done again after a rebalance.
    std::int32_t metadata_bytes = 4096;

    // A record that has failed so often is set aside. 0: it is tried for ever; with retry topics, until it has failed
    // in the last of them.
    std::int32_t max_attempts = 0;
    // Before the second attempt; twice as long before each further one, up to the maximum.
    std::chrono::milliseconds retry_delay{1000};
    std::chrono::milliseconds retry_delay_max{60'000};
    // Instead of both. Any thread; it must not block.
    Function<std::chrono::milliseconds(const WorkItem&)> retry_delay_function = nullptr;
    // Instead of waiting here, a record that failed is written to the first of these, acknowledged by all replicas
    // before it counts as done, and one of that topic to the next; the last takes its own again. This consumer reads
    // them, too, and hands their records out when the delay is over. Headers retry.topic, .partition, .offset,
    // .timestamp, .group, .attempts and .error beside their own tell where they come from. The order by key, or of the
    // partition, does not hold for what went this way. A batch that fails is first tried again here, record by record.
    std::vector<RetryTopic> retry_topics;
    // Where rejected records, and those that failed too often, go, acknowledged by all replicas before they count as
    // done; with the headers dead-letter.topic, .partition, .offset, .timestamp, .group, .attempts and .error beside
    // their own. Empty: they are dropped, with a line in the log.
    std::string dead_letter_topic;

    // How long handlers that run may take to end when a partition is given back. What has not ended then is another's,
    // and is done again there. At most half of max.poll.interval.ms: nobody polls then.
    std::chrono::milliseconds revoke_timeout{10'000};
    // More settings, by librdkafka's names. They win over what stands above.
    Config config;
    // The same of the producer of dead letters and retries, which has the brokers of the consumer.
    Config producer_config;
    // Instead of standard error.
    LogCallback log = nullptr;
    ParallelHooks hooks = {};
};

// Counts since it was made; what stands below "now" is of this moment.
struct ParallelStats {
    std::uint64_t done = 0;           // records that a handler has done
    std::uint64_t retries = 0;        // that failed and are tried again here
    std::uint64_t retry_letters = 0;  // that failed and were written to a retry topic
    std::uint64_t dead_letters = 0;   // written to the dead-letter topic
    std::uint64_t dead_letter_failures =
        0;                          // that could not be written, there or to a retry topic; they are tried again
    std::uint64_t dropped = 0;      // set aside without a dead-letter topic
    std::uint64_t passed_over = 0;  // done before a restart or a rebalance
    std::uint64_t left_behind = 0;  // here, and not done, when their partition went
    std::uint64_t orphaned = 0;     // of these, those that ended later
    std::uint64_t commits = 0;      // of partitions
    std::uint64_t commits_without_map = 0;  // as it did not fit
    std::uint64_t commit_failures = 0;
    std::uint64_t maps_unreadable = 0;  // metadata of somebody else; what it told is done again
    // Now.
    std::uint64_t buffered = 0;  // records here that are not done
    std::uint64_t buffered_bytes = 0;
    std::uint64_t running = 0;  // calls of the handler
    std::uint64_t waiting_for_retry = 0;
    std::uint64_t waiting_for_letter = 0;  // set aside, and not written yet; they count as buffered, not as running
    std::uint64_t beyond_watermark = 0;    // records done behind one that is not
    // Records between the watermarks and the ends of the partitions that are assigned here, as far as the ends are
    // known.
    std::uint64_t lag = 0;
    // Since the watermark of some partition with unfinished records has not moved, at most.
    std::chrono::milliseconds watermark_age{0};
};
// "10 done, 1 retries, 0 dead letters, 0 dropped; 3 buffered, 2 running, 0 waiting for a retry"
std::string to_string(const ParallelStats&);

// A handle: move it, or share it between threads by reference; every call may come from any thread, but close() from a
// handler. Polls by itself, on a thread of its own, so that no handler costs the membership, however slow it is.
class ParallelConsumer {
public:
    enum class CloseMode : std::uint8_t {
        drain,  // what is here is worked on
        stop,   // only what runs
    };

    // Starts at once, with max_concurrency threads. Errors: invalid_argument and not_configured name what is wrong, by
    // the name here or librdkafka's.
    static Result<ParallelConsumer> create(ParallelConsumerConfig, Handler);
    static Result<ParallelConsumer> create(ParallelConsumerConfig, BatchHandler);
    // With one thread that runs all coroutines; they must not block.
    static Result<ParallelConsumer> create(ParallelConsumerConfig, AsyncHandler);
    // With coroutines on the caller's executor, which somebody must run, also while close() waits for them.
    static Result<ParallelConsumer> create(boost::asio::any_io_executor, ParallelConsumerConfig, AsyncHandler);

    ParallelConsumer(ParallelConsumer&&) noexcept;
    ParallelConsumer& operator=(ParallelConsumer&&) noexcept;
    // As close(1 s, stop).
    ~ParallelConsumer();

    // Takes nothing in any more, lets handlers end, commits what is done, and leaves the group. Never waits much longer
    // than `timeout`: what is not done then is done again by who reads next, and timed_out says how many records that
    // are. A handler that never returns keeps its thread. closed the second time.
    Result<void> close(std::chrono::nanoseconds timeout, CloseMode = CloseMode::drain);
    bool is_closed() const noexcept;
    // The fatal error that has ended it: close() is what is left to do.
    std::optional<Error> failure() const;

    ParallelStats stats() const;
    // What it is at, for people: a line for the whole, and one for each partition.
    std::string describe() const;
    // Whatever has no call here. Not to be polled, paused, or committed by.
    Consumer& consumer() noexcept;

private:
    explicit ParallelConsumer(std::shared_ptr<client::ParallelCore>) noexcept;
    static Result<ParallelConsumer> around(Result<std::shared_ptr<client::ParallelCore>>);

    std::shared_ptr<client::ParallelCore> core_;
};

}  // namespace ottla::inline v0
