// SPDX-License-Identifier: Apache-2.0
// FetchQueue: where the loop hands fetched records to the application's threads, a partition's share of a response at
// a time. Besides the producer's accumulator this is the one place where the two meet: a thread that polls must not
// pay a trip through the loop for what is here already.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <ottla/event.hpp>

#include "client/consumer/fetched_records.hpp"
#include "client/consumer/partition_slot.hpp"

namespace ottla::client {

struct AbortedRange {
    std::int64_t producer_id;
    std::int64_t first_offset;
};

// The records of a compressed batch, whose crc is checked; `at`: where the batch begins in its chunk.
struct UnpackedBatch {
    std::size_t at = 0;
    std::shared_ptr<const ChargedBytes> records;
};

// Record batches back to back, unread.
struct FetchedChunk {
    SlotPtr slot;
    std::uint32_t turn = 0;
    // What was asked for: a batch may begin before.
    std::int64_t from_offset = 0;
    Bytes records;
    // How many, as the batch headers count them; fewer once some are handed out.
    std::int64_t record_count = 0;
    std::shared_ptr<const ChargedBytes> response;
    // By first offset.
    std::vector<AbortedRange> aborted;
    // In order; not all there are.
    std::vector<UnpackedBatch> unpacked;

    // It waits to be read, or does not any more.
    void enter() const noexcept {
        slot->queued_bytes += static_cast<std::int64_t>(records.size());
        slot->queued_records += record_count;
    }
    void leave() const noexcept {
        slot->queued_bytes -= static_cast<std::int64_t>(records.size());
        slot->queued_records -= record_count;
    }
    // So many of its records are handed out; compaction may have left fewer than the headers say.
    void read(std::size_t count) noexcept {
        const auto gone = std::min(static_cast<std::int64_t>(count), record_count);
        record_count -= gone;
        slot->queued_records -= gone;
    }
};

// Something to tell, in order with the records.
struct Notice {
    SlotPtr slot;  // null: about the whole client
    std::uint32_t turn = 0;
    Event event;
};

class FetchQueue {
public:
    using Item = std::variant<FetchedChunk, Notice>;

    // By the loop. Statistics take the place of those that wait already; of OffsetsCommitted only so many wait.
    void push(Item);
    // Any thread. Dropped when many lines wait already.
    bool push(LogEvent&&);
    // Any thread. Nothing: it is empty.
    std::optional<Item> take();
    bool empty() const;
    // What waits besides records.
    std::size_t notices() const;
    // Until there is something, the queue is closed, or time is up (by the system's monotonic clock); false: time.
    bool wait_until(std::chrono::steady_clock::time_point at) { return wait_until(at, wakes()); }
    // The same, and also when there has been a wake since wakes() was `seen`.
    bool wait_until(std::chrono::steady_clock::time_point, std::uint64_t seen);
    // Until there has been a wake since, whatever lies here, or time is up.
    void wait_for_wake(std::chrono::steady_clock::time_point, std::uint64_t seen);
    std::uint64_t wakes() const;
    // Those who wait look again.
    void wake();
    void close();
    bool is_closed() const;

    // Chunks pushed that are neither used up nor set aside.
    std::int64_t unread() const noexcept { return unread_.load(std::memory_order_acquire); }
    // One of them is now. True when the loop waits for that and is to be told.
    bool finish_one() noexcept {
        unread_.fetch_sub(1, std::memory_order_acq_rel);
        return loop_waits_.exchange(false, std::memory_order_acq_rel);
    }
    // By the loop, before it looks a last time and waits.
    void loop_waits() noexcept { loop_waits_.store(true, std::memory_order_release); }

    // Records and bytes (keys and values) handed out, of all partitions there ever were.
    std::atomic<std::int64_t> received_records{0};
    std::atomic<std::int64_t> received_bytes{0};

    // A partition may be; see PartitionSlot::stuck_by.
    std::atomic<bool> something_is_stuck{false};

    // What keeps messages from coming, for the error of a call that waited in vain. Empty: nothing.
    void set_trouble(std::string);
    std::string trouble() const;

private:
    static constexpr std::size_t commits_max = 10'000;
    bool replace_statistics(Item&);

    std::atomic<std::int64_t> unread_{0};
    std::atomic<bool> loop_waits_{false};
    mutable std::mutex items_mutex_;  // guards what follows
    std::condition_variable come_;
    std::deque<Item> items_;
    std::string trouble_;
    std::size_t lines_ = 0;
    std::size_t commits_ = 0;  // OffsetsCommitted
    std::uint64_t wakes_ = 0;
    bool closed_ = false;
};

}  // namespace ottla::client
