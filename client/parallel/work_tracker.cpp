// SPDX-License-Identifier: Apache-2.0
#include "client/parallel/work_tracker.hpp"

#include <algorithm>
#include <limits>

#include "base/assert.hpp"

namespace ottla::client {
namespace {

// In the lowest bits, so that no two partitions have a chain in common, whatever their keys are.
constexpr unsigned partition_bits = 20;

WorkTracker::Chain chain(WorkTracker::Partition p, std::uint64_t hash) noexcept {
    OTTLA_ASSERT(p < 1U << partition_bits);
    return (hash | 1U) << partition_bits | p;
}

}  // namespace

// Two keys that have the same number go in one order: slower, never wrong.
WorkTracker::Chain WorkTracker::chain_of(Partition p, std::string_view key) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325U ^ key.size();
    std::size_t at = 0;
    for (; at + 8 <= key.size(); at += 8) {
        std::uint64_t word = 0;
        std::copy_n(key.data() + at, 8, reinterpret_cast<char*>(&word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29;
    }
    for (; at < key.size(); ++at) hash = (hash ^ static_cast<unsigned char>(key[at])) * 0x100000001b3U;
    return chain(p, hash ^ hash >> 32);
}

WorkTracker::Chain WorkTracker::chain_of(Partition p) noexcept { return chain(p, 1); }

WorkTracker::Partition WorkTracker::begin(PartitionProgress progress) {
    // The place of one that has gone, when nothing of it runs any more.
    const auto unused =
        std::ranges::find_if(partitions_, [](const Assigned& a) { return !a.is_open && a.records == 0; });
    const auto p = static_cast<Partition>(unused - partitions_.begin());
    if (unused == partitions_.end()) partitions_.emplace_back();
    const bool has_turn = partitions_[p].has_turn;
    const auto next_turn = partitions_[p].next_turn;
    partitions_[p] = Assigned();
    partitions_[p].progress = std::move(progress);
    partitions_[p].is_open = true;
    // Still in the row, from before.
    partitions_[p].has_turn = has_turn;
    partitions_[p].next_turn = next_turn;
    return p;
}

void WorkTracker::stop(Partition p) {
    Assigned& a = partitions_[p];
    if (a.is_stopped) return;
    a.is_stopped = true;
    for (Ticket t = a.ready_head; t != nobody; t = slots_[t].next_ready) --ready_;
}

std::vector<Ticket> WorkTracker::end(Partition p) {
    stop(p);
    Assigned& a = partitions_[p];
    a.is_open = false;
    a.ready_head = a.ready_tail = nobody;
    std::vector<Ticket> freed;
    for (Ticket t = 0; t < slots_.size(); ++t) {
        Slot& s = slots_[t];
        if (s.partition != p || s.state == State::free) continue;
        if (s.chain != none) last_of_chain_.erase(s.chain);
        s.next = nobody;
        const bool is_somebodys = s.state == State::running || s.state == State::aside || s.state == State::parked;
        if (!is_somebodys) freed.push_back(t);
    }
    std::erase_if(retries_, [&](const Retry& r) { return slots_[r.ticket].partition == p; });
    std::make_heap(retries_.begin(), retries_.end());
    for (const Ticket t : freed) free(t);
    return freed;
}

std::optional<Ticket> WorkTracker::add(Partition p, Chain chain, std::int64_t offset, std::size_t bytes) {
    Assigned& a = partitions_[p];
    OTTLA_ASSERT(a.is_open && !a.is_stopped);
    if (a.progress.pass_if_done(offset)) return std::nullopt;
    if (free_ == nobody) {
        free_ = static_cast<Ticket>(slots_.size());
        slots_.emplace_back();
    }
    const Ticket t = free_;
    Slot& s = slots_[t];
    free_ = s.next_ready;
    s = Slot();
    s.chain = chain;
    s.partition = p;
    s.place = a.progress.take(offset);
    s.bytes = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, std::numeric_limits<std::uint32_t>::max()));
    ++records_;
    bytes_ += s.bytes;
    ++a.records;
    s.state = State::waiting;
    s.is_first = true;
    if (chain != none) {
        const auto [last, is_new] = last_of_chain_.try_emplace(chain, t);
        if (!is_new) {
            s.is_first = false;
            slots_[last->second].next = t;
            last->second = t;
        }
    }
    if (s.is_first) make_ready(t, false);
    return t;
}

std::size_t WorkTracker::take(std::span<Ticket> out) {
    if (!has_ready()) return 0;
    std::size_t count = 0;
    while (count < out.size() && ready_ > 0) {
        const Partition p = take_turn();
        Assigned& a = partitions_[p];
        if (a.is_stopped || a.ready_head == nobody) continue;
        const bool is_retry = slots_[a.ready_head].attempts > 0;
        if (is_retry && count > 0) {
            give_turn(p, a);
            break;
        }
        Ticket t = pop_ready(a);
        --ready_;
        if (a.ready_head != nobody) give_turn(p, a);
        // With the rest of its chain, for which this call is as good as any.
        for (; t != nobody && count < out.size(); t = slots_[t].next) {
            start(t);
            out[count++] = t;
            if (is_retry) break;
        }
        if (is_retry) break;
    }
    if (count > 0) ++calls_;
    return count;
}

void WorkTracker::finish(std::span<const Ticket> call) {
    --calls_;
    for (const Ticket t : call) {
        end_of_run(t);
        end_well(t);
    }
}

void WorkTracker::end_well(Ticket t) {
    Assigned& a = partitions_[slots_[t].partition];
    if (a.is_open) {
        a.progress.finish(slots_[t].place);
        leave_chain(t);
    }
    free(t);
}

void WorkTracker::set_aside(std::span<const Ticket> call) {
    --calls_;
    aside_ += call.size();
    for (const Ticket t : call) {
        OTTLA_ASSERT(slots_[t].state == State::running);
        slots_[t].state = State::aside;
    }
}

void WorkTracker::park(std::span<const Ticket> tickets) {
    for (const Ticket t : tickets) {
        OTTLA_ASSERT(slots_[t].state == State::aside);
        slots_[t].state = State::parked;
        --partitions_[slots_[t].partition].running;
    }
}

void WorkTracker::unpark(std::span<const Ticket> tickets) {
    for (const Ticket t : tickets) {
        OTTLA_ASSERT(slots_[t].state == State::parked);
        slots_[t].state = State::aside;
        ++partitions_[slots_[t].partition].running;
    }
}

void WorkTracker::settle(std::span<const Ticket> tickets) {
    aside_ -= tickets.size();
    for (const Ticket t : tickets) {
        Slot& s = slots_[t];
        OTTLA_ASSERT(s.state == State::aside || s.state == State::parked);
        if (s.state == State::aside) --partitions_[s.partition].running;
        end_well(t);
    }
}

std::vector<Ticket> WorkTracker::retry(std::span<const Ticket> call, base::TimePoint due) {
    --calls_;
    std::vector<Ticket> freed;
    for (const Ticket t : call) {
        end_of_run(t);
        Slot& s = slots_[t];
        if (!partitions_[s.partition].is_open) {
            free(t);
            freed.push_back(t);
        } else if (s.is_first) {
            s.state = State::delayed;
            retries_.push_back({due, t, ++retry_number_});
            std::push_heap(retries_.begin(), retries_.end());
        } else {
            s.state = State::waiting;  // for the one before it, which waits for its time
        }
    }
    return freed;
}

std::size_t WorkTracker::wake(base::TimePoint now) {
    std::size_t count = 0;
    for (; !retries_.empty() && retries_.front().due <= now; ++count) {
        const Ticket t = retries_.front().ticket;
        std::pop_heap(retries_.begin(), retries_.end());
        retries_.pop_back();
        make_ready(t, true);  // it is older than all that waits
    }
    return count;
}

std::optional<base::TimePoint> WorkTracker::next_due() const noexcept {
    if (retries_.empty()) return std::nullopt;
    return retries_.front().due;
}

bool WorkTracker::wants_more() noexcept {
    if (is_full_)
        is_full_ = records_ > limits_.records_max / 2 || bytes_ > limits_.bytes_max / 2;
    else
        is_full_ = records_ >= limits_.records_max || bytes_ >= limits_.bytes_max;
    return !is_full_;
}

void WorkTracker::make_ready(Ticket t, bool at_front) {
    Slot& s = slots_[t];
    Assigned& a = partitions_[s.partition];
    s.state = State::ready;
    s.is_first = true;
    s.next_ready = nobody;
    if (a.ready_head == nobody) {
        a.ready_head = a.ready_tail = t;
    } else if (at_front) {
        s.next_ready = a.ready_head;
        a.ready_head = t;
    } else {
        slots_[a.ready_tail].next_ready = t;
        a.ready_tail = t;
    }
    if (a.is_stopped) return;
    ++ready_;
    give_turn(s.partition, a);
}

void WorkTracker::give_turn(Partition p, Assigned& a) {
    if (a.has_turn) return;
    a.has_turn = true;
    a.next_turn = nobody;
    if (turn_head_ == nobody)
        turn_head_ = p;
    else
        partitions_[turn_tail_].next_turn = p;
    turn_tail_ = p;
}

WorkTracker::Partition WorkTracker::take_turn() {
    OTTLA_ASSERT(turn_head_ != nobody);
    const Partition p = turn_head_;
    turn_head_ = partitions_[p].next_turn;
    partitions_[p].has_turn = false;
    return p;
}

Ticket WorkTracker::pop_ready(Assigned& a) {
    const Ticket t = a.ready_head;
    a.ready_head = slots_[t].next_ready;
    return t;
}

void WorkTracker::start(Ticket t) {
    Slot& s = slots_[t];
    s.state = State::running;
    ++s.attempts;
    ++partitions_[s.partition].running;
}

void WorkTracker::end_of_run(Ticket t) {
    OTTLA_ASSERT(slots_[t].state == State::running);
    --partitions_[slots_[t].partition].running;
}

void WorkTracker::leave_chain(Ticket t) {
    const Slot& s = slots_[t];
    if (s.chain == none) return;
    if (s.next == nobody) {
        last_of_chain_.erase(s.chain);
        return;
    }
    Slot& next = slots_[s.next];
    // One of the same call stands at the head from now on.
    if (next.state != State::waiting)
        next.is_first = true;
    else
        make_ready(s.next, false);
}

void WorkTracker::free(Ticket t) {
    Slot& s = slots_[t];
    --records_;
    bytes_ -= s.bytes;
    --partitions_[s.partition].records;
    s.state = State::free;
    s.next_ready = free_;
    free_ = t;
}

}  // namespace ottla::client
