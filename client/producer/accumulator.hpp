// SPDX-License-Identifier: Apache-2.0
// Accumulator: records waiting to be sent: a queue of batches per partition and, for topics whose partitions are not
// known yet, one per topic. The one place where application threads meet the loop: append() and the counts may be
// called from any thread, all else only on the loop. The mutex is held for moments, never over a callback.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/brief_mutex.hpp"
#include "base/buffer_pool.hpp"
#include "client/cluster/metadata_cache.hpp"
#include "client/producer/batch.hpp"
#include "client/producer/load_choice.hpp"
#include "client/producer/partitioner.hpp"
#include "client/producer/sticky_partition.hpp"

namespace ottla::client {

struct TopicQueue;

// Guarded by the accumulator's mutex. Stays where it is until its topic is forgotten: not while it holds a batch or one
// is in flight.
struct PartitionQueue {
    TopicQueue* topic = nullptr;
    std::int32_t partition = 0;
    BrokerId leader = no_broker;
    std::deque<BatchPtr> batches;  // oldest first
    bool last_is_open = false;     // the last batch still takes records
    // More in flight must wait until one has landed: else a retry could overtake where sequences do not tell.
    std::size_t in_flight_max = 1;
    std::vector<Place> in_flight;  // ascending
    Place next_place = 0;
    bool listed = false;  // in the list of queues that hold something
    TimePoint retry_at{};
    std::size_t last_batch_bytes = 0;
    // The loop's own, not guarded.
    Sequences sequences;
    std::uint64_t records_sent = 0;  // tries included
    std::uint64_t bytes_sent = 0;    // of keys, values and headers
};

struct TopicQueue {
    TopicQueue(std::string topic_name, const StickyPartition& fresh, std::size_t batch_bytes, TimePoint now)
        : name(std::make_shared<const std::string>(std::move(topic_name))),
          sticky(fresh),
          batch_bytes_max(batch_bytes),
          used(now) {}
    bool is_empty() const;

    std::shared_ptr<const std::string> name;
    bool known = false;  // how many partitions there are
    bool asked = false;  // the loop was told to find out
    std::vector<std::unique_ptr<PartitionQueue>> partitions;
    std::int32_t partition_count = 0;
    std::vector<std::int32_t> candidates;  // those with a leader; all when none has
    StickyPartition sticky;
    // About, before they are compressed; less than configured once the brokers have refused a batch as too large.
    std::size_t batch_bytes_max;
    std::size_t next_in_turn = 0;
    std::deque<BatchPtr> waiting;  // until `known`
    bool waiting_is_open = false;  // the last of them still takes records
    TimePoint used;                // when records of it were sent last, or given up
};

Error no_such_partition(std::string_view topic, std::int32_t count, std::int32_t partition);

class Accumulator {
public:
    // `wake` is called from any thread when the loop should look at plan(); `users_partitioner` (may be empty) from
    // any, never under the mutex. The rest must outlive this.
    Accumulator(const ProducerConfig&, const base::Clock&, base::BufferPool&, std::uint64_t seed, Function<void()> wake,
                PartitionerFunction users_partitioner = {});

    // Copies the record. Errors: queue_full, closed, message_too_large, invalid_argument, invalid_topic_exception,
    // unknown_partition. Takes the callback over only when it succeeds. Never blocks.
    // `is_awaited`: its batch goes at once when nothing of its partition is in flight.
    Result<void> append(const Record&, DeliveryCallback&&, bool is_awaited = false);
    // The same for what was appended before: somebody waits for all that is still being collected. Any thread.
    void await_open();
    // Records taken and not reported yet.
    std::size_t unreported() const;
    // No more than three quarters of the queue's limits are in use, and a record of `bytes` has its place.
    bool has_room(std::size_t bytes = 0) const;
    // append() fails with this from now on; the first reason stays. Any thread.
    void refuse(const Error& because);
    // That reason; none as long as there is none. Any thread.
    Error refusal() const;

    // What is to be done at `now`.
    struct Plan {
        struct Ready {
            BrokerId leader;
            PartitionQueue* queue;
            TimePoint since;
            std::size_t bytes;
            bool wants_numbers;  // its first batch has none
        };
        std::vector<Ready> ready;                // the longest waiting first
        std::vector<Ready> lingering;            // might go with others, but need not yet
        std::vector<BatchPtr> expired;           // taken out; to be reported
        std::vector<std::string> unresolved;     // topics that nobody has looked up yet
        TimePoint next = TimePoint::max();       // when to look again, if nothing else happens
        bool leaderless = false;                 // something is ready and has no leader
        std::vector<Batch*> unpacked;            // take no more records, and are to be compressed
        std::vector<PartitionQueue*> oversized;  // the first batch is to be split

        // As new, but for the memory.
        void clear();
    };
    void plan(TimePoint now, Plan& out);
    // Of queues that were ready the first batch each: it is in flight until land() or retry(). With numbers, if
    // `numbered`.
    void take(std::span<PartitionQueue* const>, bool numbered, std::vector<BatchPtr>& out);
    struct Landing {
        PartitionQueue* queue;
        Place place;
    };
    void land(std::span<const Landing>);
    void land(PartitionQueue& queue, Place place) { land({{Landing{&queue, place}}}); }
    // Puts a batch in flight back to where it belongs, to be sent again from `at` on.
    void retry(BatchPtr, TimePoint at);
    // Makes two batches, as a rule, of the first one. Nothing of the queue may be in flight.
    void split_front(PartitionQueue&, std::vector<Batch*>& unpacked);
    // Batches of the queue that were not written and wait to be sent again get new numbers then.
    void take_numbers_back(PartitionQueue&);

    // The leaders of all partitions, no_broker where there is none. Records that waited for the topic move on;
    // those for partitions that do not exist, or do no more, are returned.
    std::vector<BatchPtr> set_leaders(std::string_view topic, std::span<const BrokerId> leaders);
    // The topic can't be had for now: what waits for it is returned; the next record makes it looked up again.
    std::vector<BatchPtr> give_up(std::string_view topic);
    // The topic is not there any more: what waits for its partitions is returned, and what comes waits for the topic
    // again, until set_leaders().
    std::vector<BatchPtr> set_gone(std::string_view topic);
    // Forgets the topics of which nothing is here or in flight, and which were used last at `used_until` or before.
    // `oldest`: when that of the others was used which has been out of use for longest; max() if there is none.
    std::vector<std::unique_ptr<TopicQueue>> take_idle(TimePoint used_until, TimePoint& oldest);
    // Takes out everything that is not in flight.
    std::vector<BatchPtr> take_all();
    // While set, batches are ready without lingering.
    void set_flushing(bool);

    struct Usage {
        std::size_t messages, messages_max, bytes, bytes_max;
    };
    Usage usage() const;
    // What waits for a partition, and what has gone there so far.
    struct Depth {
        std::int32_t partition;
        BrokerId leader;
        std::size_t records, bytes;
        std::uint64_t records_sent, bytes_sent;
    };
    // Of every topic that is not forgotten.
    std::map<std::string, std::vector<Depth>> depths() const;

    // All of a batch's records have been reported: to callbacks, or as events that are still to be fetched.
    void reported(std::size_t records) noexcept { reported_.fetch_add(records, std::memory_order_acq_rel); }
    // Nobody needs the batch any more: its share of the queue is free, its memory goes round. Any thread.
    void recycle(BatchPtr);
    void recycle(std::vector<BatchPtr>&);

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>()(s); }
    };
    struct Fields;

    TopicQueue& topic_queue(std::string_view name);
    // In the list of those that hold something.
    void list(PartitionQueue&);
    Result<void> append_with_headers(const Record&, DeliveryCallback&&, bool is_awaited);
    // Inline in accumulator.cpp, and for it alone.
    Result<void> append(const Record&, const Fields&, DeliveryCallback&&);
    Result<void> append_as_user_says(const Record&, const Fields&, DeliveryCallback&&);
    bool is_too_large(const Fields&) const noexcept;
    Error what_is_wrong(const Record&, const Fields&) const;
    // What became of a record that was to be put somewhere.
    enum class Put : std::uint8_t {
        refused,  // there is no memory for it
        done,
        done_and_wake,  // and the loop must look at the plan anew
    };
    // These expect the mutex to be held.
    using Hold = std::unique_lock<base::BriefMutex>;
    Result<std::int32_t> ask_users_partitioner(const Record&, const Fields&, Hold&);
    bool is_full(const Fields&) const noexcept;
    Error why_not() const;
    // Then it is the last topic, and perhaps new.
    Result<void> find_topic(std::string_view name);
    Result<void> append_to(std::int32_t partition, const Record&, const Fields&, DeliveryCallback&&, Put&);
    Put add(PartitionQueue&, const Fields&, DeliveryCallback&&, TimePoint created);       // as put_into()
    Put add_part(PartitionQueue&, const Fields&, DeliveryCallback&&, TimePoint created);  // the same for others
    Put add_batch(PartitionQueue&, const Fields&, DeliveryCallback&&, TimePoint created);
    Put add_waiting(TopicQueue&, std::int32_t wanted, const Fields&, DeliveryCallback&&);
    std::int32_t choose(TopicQueue&, const Fields&);
    std::int32_t choose_sticky(TopicQueue&, const Fields&);
    // Asks it for what waits for the topic, without the mutex meanwhile.
    void move_waiting_as_user_says(TopicQueue&, Hold& hold, std::vector<BatchPtr>& rejected);
    void ask_user(Batch&, std::int32_t count);  // without it, too
    void move_waiting(TopicQueue&, std::vector<BatchPtr>& rejected);
    void move_waiting(TopicQueue&, Batch&, std::vector<BatchPtr>& rejected);
    // With a buffer for `bytes_expected`, or for as many as the queue's limit leaves, but at least `bytes_least`; null
    // when it does not leave as many, unless there `must` be one.
    BatchPtr new_batch(const TopicQueue&, TimePoint created, std::size_t bytes_expected, std::size_t bytes_least,
                       bool must);
    // More memory for a record: false when the limit does not allow it. `must`: it does not count.
    bool grow_buffer(Batch&, std::size_t bytes_least, bool must);
    bool grow_dues(Batch&, bool must);
    std::size_t memory_max() const noexcept;
    std::size_t memory_left() const noexcept;
    void hold(Batch&, std::size_t bytes) noexcept;
    void let_go(Batch&) noexcept;
    // False when the batch is full, or may not grow.
    bool put_into(Batch&, const Fields&, DeliveryCallback&&);  // inline in accumulator.cpp, and for it alone
    bool put_part(Batch&, const Fields&, DeliveryCallback&&);  // the same for others
    void look_at(TopicQueue&, TimePoint now, Plan& out);
    // Whether there is still something in it.
    bool look_at(PartitionQueue&, TimePoint now, Plan& out);
    BatchPtr pop_front(PartitionQueue&);
    void take_all(PartitionQueue&, std::vector<BatchPtr>& taken);
    static void list_unpacked(const PartitionQueue&, Plan& out);
    static void close_last(PartitionQueue&);
    // It takes no more records at `now`; else the plan says when.
    bool has_aged(const Batch& open, base::Duration most, TimePoint now, Plan& out) const;
    std::vector<BatchPtr> split(PartitionQueue&, Batch& whole);
    static void end_flight(PartitionQueue&, Place);
    // Counted from the oldest that is not settled: brokers must still know it when it comes again.
    static bool can_send_new(const PartitionQueue& queue) noexcept {
        return queue.in_flight.empty() || queue.next_place - queue.in_flight.front() < queue.in_flight_max;
    }
    static bool can_send(const PartitionQueue& queue, const Batch& front) noexcept {
        return !front.has_place ? can_send_new(queue) : queue.in_flight.size() < queue.in_flight_max;
    }
    TimePoint expiry(TimePoint created) const noexcept;

    const ProducerConfig& config_;
    const PartitionerRow& partitioner_;
    PartitionerFunction users_partitioner_;
    const base::Clock& clock_;
    base::BufferPool& pool_;
    Function<void()> wake_;
    const std::size_t batch_bytes_max_;
    const bool packs_;  // batches are compressed
    // So long a batch takes records: it expires with its first, and the last must not be given up much too early.
    const base::Duration open_max_;

    mutable base::BriefMutex queues_;  // guards all that follows
    std::unordered_map<std::string, std::unique_ptr<TopicQueue>, Hash, std::equal_to<>> topics_;
    TopicQueue* last_topic_ = nullptr;  // the last that was asked for
    std::string_view last_topic_name_;
    std::vector<TopicQueue*> waiting_topics_;
    std::vector<PartitionQueue*> listed_;
    std::vector<BatchPtr> spare_;
    base::Random random_;
    std::size_t messages_ = 0;  // that take up room in the queue
    std::size_t payload_bytes_ = 0;
    std::size_t memory_bytes_ = 0;  // that batches take
    std::uint64_t appended_ = 0;
    int flushing_ = 0;
    Error refusal_;

    std::atomic<std::uint64_t> reported_{0};
};

}  // namespace ottla::client
