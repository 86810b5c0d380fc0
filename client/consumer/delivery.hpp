// SPDX-License-Identifier: Apache-2.0
// Delivery: the application's end of a consumer: what is assigned, and the next message, batch or event out of what
// has been fetched. Any thread; it never waits for the network.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ottla/consumer.hpp>
#include <ottla/function.hpp>

#include "base/brief_mutex.hpp"
#include "client/consumer/chunk_decoder.hpp"
#include "client/consumer/fetch_queue.hpp"

namespace ottla::client {

class Delivery {
public:
    // What the loop is to do after a call. Passed on outside of the lock, in the order of the calls.
    struct Change {
        enum class Kind : std::uint8_t { add, remove, seek };
        Kind kind;
        SlotPtr slot;
        std::uint32_t turn;
        Offset where;
        // Of a seek that is not to be fetched at once: what is wrong with the batch there.
        Error flaw = {};
        // Of the leader that wrote what stands before `where`; -1: not known.
        std::int32_t epoch = -1;
    };
    using OnChanges = Function<void(std::vector<Change>)>;

    // `on_changes` and `on_room` (the loop may fetch more) are called from any thread, the first under the lock: they
    // only post.
    Delivery(std::shared_ptr<FetchQueue>, DecodeOptions, std::shared_ptr<base::BufferPool>, OnChanges on_changes,
             Function<void()> on_room);

    Result<void> assign(std::vector<TopicPartition>);
    Result<void> incremental_assign(std::vector<TopicPartition>);
    Result<void> incremental_unassign(const std::vector<TopicPartition>&);
    std::vector<TopicPartition> assignment() const;
    // Each with its error.
    std::vector<TopicPartition> seek(std::vector<TopicPartition>);
    std::vector<TopicPartition> position(std::vector<TopicPartition>) const;
    Result<void> set_paused(const std::vector<TopicPartition>&, bool paused);
    Result<WatermarkOffsets> watermarks(std::string_view topic, std::int32_t partition) const;
    std::optional<std::int64_t> lag(std::string_view topic, std::int32_t partition) const;
    // The topic is another by the same name: what is assigned of it begins where the group has committed, if at all.
    void begin_anew(std::string_view topic);

    // From now on what was handed out counts as done, to be committed, with the next call for more.
    void store_what_was_returned() { stores_ = true; }
    // To be committed at the next occasion; each with its error.
    std::vector<TopicPartition> store(std::vector<TopicPartition>);
    // What is stored and not committed yet: of all partitions, or of these.
    std::vector<TopicPartition> to_commit() const;
    std::vector<TopicPartition> to_commit(const std::vector<TopicPartition>&) const;
    // What would be committed of it; -1: nothing.
    std::int64_t stored_offset(const PartitionSlot&) const;
    // What is assigned of these now. A partition that is given back and assigned again has another slot.
    using Held = std::map<std::pair<std::string, std::int32_t>, SlotPtr>;
    Held held(const std::vector<TopicPartition>&) const;
    bool is_held(const PartitionSlot&) const;
    // Those without an error have been, of what was held when they were begun.
    void on_committed(const std::vector<TopicPartition>&, const Held&);
    // The application is done with all that it was handed.
    void returned();
    // It will not come back for more, and has not said that it is done with what it was handed last.
    void not_returned();
    // It called for messages, and got something else.
    void polled();
    // Grows with every call for messages; who commits or closes has not polled.
    std::uint64_t polls() const noexcept { return polls_.load(std::memory_order_relaxed); }

    // What is here; nothing when something must come first.
    std::optional<Event> next_event();
    // The rest of a run of messages, or what went wrong. Events that are no errors are passed over.
    std::optional<Result<MessageBatch>> next_batch();
    std::optional<Result<Message>> next_message();
    // What a call for messages fails with when this comes; none: it passes over that.
    static Error error_of(const Event&);
    // A partition that stands still, where and why; empty: none does.
    std::string trouble() const;
    // Lets go of everything fetched.
    void close();

private:
    using Key = std::pair<std::string, std::int32_t>;

    SlotPtr find(const TopicPartition&) const;
    // One that no partition of this consumer has ever had: an answer that comes late is known by its turn alone, also
    // when the partition has been given back and assigned again since it was asked for.
    std::uint32_t begin_turn(PartitionSlot& slot) { return slot.turn = ++turns_; }
    void remove(const SlotPtr&, std::vector<Change>&);
    // Makes run_ hold a message to hand out, or returns an event that comes before the next message; nothing, and no
    // run, when there is nothing.
    std::optional<Event> advance();
    // advance() has nothing to do.
    bool has_message() const;
    bool next_chunk(std::optional<Event>&);
    // What it tells may be that a position has changed.
    void on_notice(Notice&);
    void begin_run(std::shared_ptr<FetchedRecords>);
    // A call for more: what was handed out before is done with.
    void begin_call();
    void store_handed();
    void handed_out(const SlotPtr&, std::int64_t next_offset, std::int32_t leader_epoch);
    static void add_uncommitted(const PartitionSlot&, std::vector<TopicPartition>&);
    void end_run();
    void drop_run();
    void received(std::int64_t records, std::int64_t bytes);
    void discard(const FetchedChunk&);
    void finish_chunk();
    Event on_malformed(const Error&);
    // The partition stands still: what is told of that.
    void note_stuck(PartitionSlot&, PartitionError&);
    // next_event() under the lock.
    std::optional<Event> take_event();

    mutable base::BriefMutex delivery_mutex_;  // guards all below
    std::shared_ptr<FetchQueue> queue_;
    std::shared_ptr<base::BufferPool> pool_;
    ChunkDecoder decoder_;
    OnChanges on_changes_;
    Function<void()> on_room_;
    std::map<Key, SlotPtr> slots_;
    std::uint32_t turns_ = 0;
    // Of paused partitions.
    std::deque<FetchedChunk> parked_;
    std::shared_ptr<FetchedRecords> run_;
    std::size_t next_in_run_ = 0;
    bool stores_ = false;
    // What the last call handed out: one of slots_, or null.
    PartitionSlot* handed_ = nullptr;
    std::int64_t handed_next_ = -1;
    std::int32_t handed_epoch_ = -1;
    std::atomic<std::uint64_t> polls_{0};
};

}  // namespace ottla::client
