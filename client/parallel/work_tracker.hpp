// SPDX-License-Identifier: Apache-2.0
// WorkTracker: which record may be worked on now. Records of one chain (a key, a partition) go one after the other;
// chains go side by side, partitions in turn; a record that is to be tried again waits for its time and holds back
// nothing but its chain. Pure: it is told the time, and a record is a number to it (a ticket). Nothing is allocated for
// a record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/clock.hpp"
#include "client/parallel/partition_progress.hpp"

namespace ottla::client {

// A record that is here; free again, for another, when it is finished. Small numbers, so that they can be indices.
using Ticket = std::uint32_t;

struct WorkLimits {
    // Calls of the handler at once.
    std::size_t calls_max = 1;
    // Of all records that are here. When one is reached no more are wanted until half of it is there.
    std::size_t records_max = 10'000;
    std::size_t bytes_max = 32 << 20;
};

class WorkTracker {
public:
    using Partition = std::uint32_t;
    // Records with the same number go in order. none: in no order.
    using Chain = std::uint64_t;
    static constexpr Chain none = 0;

    explicit WorkTracker(const WorkLimits& limits) noexcept : limits_(limits) {}

    // The number of its key within its partition; its partition's.
    static Chain chain_of(Partition, std::string_view key) noexcept;
    static Chain chain_of(Partition) noexcept;

    // A partition that is assigned: from what is committed, or from its first record on.
    Partition begin(PartitionProgress progress);
    const PartitionProgress& progress(Partition p) const noexcept { return partitions_[p].progress; }
    // Nothing of it is handed out any more, as it is to be given back.
    void stop(Partition);
    // Records, also those that were set aside.
    std::size_t running(Partition p) const noexcept { return partitions_[p].running; }
    // It is another's: what waits is forgotten, and what runs as soon as it ends. The tickets that are free now.
    std::vector<Ticket> end(Partition);

    // Nothing: it was done before the restart. `offset` is not below progress(p).next().
    std::optional<Ticket> add(Partition, Chain, std::int64_t offset, std::size_t bytes);
    // The records of one call: as many as `out` has room for, in the order of each chain; one that is tried again is
    // alone, so that what fails does not take others along for ever. 0: nothing can be done now.
    std::size_t take(std::span<Ticket> out);
    // One call has ended well. All its tickets are free.
    void finish(std::span<const Ticket> call);
    // One call has failed, and is to be tried again. The tickets that are free now all the same, as their partitions
    // have gone.
    std::vector<Ticket> retry(std::span<const Ticket> call, base::TimePoint due);
    // One call has ended, and somebody else sees to its records until settle(): they hold back their chains, and are
    // no call any more.
    void set_aside(std::span<const Ticket> call);
    // Of what was set aside: nothing is done about them for a while, so that they do not count as running; they do
    // again.
    void park(std::span<const Ticket>);
    void unpark(std::span<const Ticket>);
    // They are done. All are free.
    void settle(std::span<const Ticket>);
    // Those whose time has come can be taken. How many.
    std::size_t wake(base::TimePoint now);
    std::optional<base::TimePoint> next_due() const noexcept;

    // How often it was handed out.
    std::uint32_t attempts(Ticket t) const noexcept { return slots_[t].attempts; }
    Partition partition(Ticket t) const noexcept { return slots_[t].partition; }
    // Its partition is still ours.
    bool is_ours(Ticket t) const noexcept { return partitions_[slots_[t].partition].is_open; }
    bool wants_more() noexcept;
    bool has_ready() const noexcept { return ready_ > 0 && calls_ < limits_.calls_max; }
    std::size_t ready() const noexcept { return ready_; }
    std::size_t records() const noexcept { return records_; }
    std::size_t bytes() const noexcept { return bytes_; }
    std::size_t calls() const noexcept { return calls_; }
    std::size_t waiting_for_retry() const noexcept { return retries_.size(); }
    std::size_t aside() const noexcept { return aside_; }

private:
    static constexpr Ticket nobody = 0xffff'ffff;
    enum class State : std::uint8_t { free, waiting, ready, running, delayed, aside, parked };
    struct Slot {
        Chain chain = none;
        PartitionProgress::Place place = 0;
        Partition partition = 0;
        Ticket next = nobody;        // of its chain
        Ticket next_ready = nobody;  // of its partition's ready list, or of the free list
        std::uint32_t attempts = 0;
        std::uint32_t bytes = 0;
        State state = State::free;
        bool is_first = false;  // of its chain
    };
    struct Assigned {
        PartitionProgress progress;
        Ticket ready_head = nobody;
        Ticket ready_tail = nobody;
        Partition next_turn = nobody;
        std::uint32_t running = 0;
        std::uint32_t records = 0;
        bool has_turn = false;
        bool is_open = false;
        bool is_stopped = false;
    };
    struct Retry {
        base::TimePoint due;
        Ticket ticket;
        // Earlier first; of the same time, as they came.
        std::uint64_t number;
        bool operator<(const Retry& other) const noexcept {
            return due != other.due ? due > other.due : number > other.number;
        }
    };

    void make_ready(Ticket, bool at_front);
    void give_turn(Partition, Assigned&);
    Partition take_turn();
    Ticket pop_ready(Assigned&);
    void start(Ticket);
    void free(Ticket);
    // Of a running one: the next of its chain takes its place.
    void leave_chain(Ticket);
    void end_of_run(Ticket);
    void end_well(Ticket);

    WorkLimits limits_;
    std::vector<Slot> slots_;
    Ticket free_ = nobody;
    std::vector<Assigned> partitions_;
    Partition turn_head_ = nobody;
    Partition turn_tail_ = nobody;
    boost::unordered_flat_map<Chain, Ticket> last_of_chain_;
    std::vector<Retry> retries_;  // a heap
    std::uint64_t retry_number_ = 0;
    std::size_t ready_ = 0;
    std::size_t records_ = 0;
    std::size_t bytes_ = 0;
    std::size_t calls_ = 0;
    std::size_t aside_ = 0;
    bool is_full_ = false;
};

}  // namespace ottla::client
