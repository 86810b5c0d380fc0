// SPDX-License-Identifier: Apache-2.0
// WorkDesk: where the records that were polled wait for those who work on them. The tracker, and the messages behind
// its tickets, under one lock; who comes for work waits here. Any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ottla/parallel_consumer.hpp>

#include "client/parallel/work_tracker.hpp"

namespace ottla::client {

// What one call of the handler gets.
struct WorkCall {
    std::vector<Ticket> tickets;
    std::vector<WorkItem> items;
};

class WorkDesk {
public:
    using Partition = WorkTracker::Partition;
    // `poke`: whoever polls has to look: there is room again, enough is done to be committed, or something failed and
    // is to be begun again. Called from any thread, not under the lock.
    WorkDesk(const ParallelConsumerConfig&, std::size_t call_records, const base::Clock&, Function<void()> poke);

    // --- By the one who polls.
    Partition begin(PartitionProgress, bool is_of_retry_topic = false);
    std::int64_t next_offset(Partition) const;
    // The first `count` of them.
    void add(Partition, const MessageBatch&, std::size_t count);
    // Room for more; if not, poke() tells when there is.
    bool wants_more();
    // Nothing of them is handed out any more.
    void stop(std::span<const Partition>);
    // Nothing of them runs any more.
    bool is_idle(std::span<const Partition>) const;
    // False: when the time is up.
    bool wait_until_idle(std::span<const Partition>, base::TimePoint until);
    void end(std::span<const Partition>);
    struct Progress {
        std::int64_t watermark = -1;
        OffsetMap beyond;
        bool is_within_map = false;  // that was committed: what finishes the lowest ones is not all here
    };
    Progress progress(Partition) const;
    // poke() tells when nothing is here any more.
    bool is_empty();
    // Since the last commit.
    std::uint64_t done_since_commit() const;
    void committed();
    // Coroutines to begin; they count as there.
    std::size_t begin_coroutines();
    std::optional<base::TimePoint> next_due() const;
    // Nothing is handed out any more; who waits for work is told.
    void close();

    // --- By those who work.
    // Waits for work. False: there will be none.
    bool wait_for(WorkCall&);
    // False: there is none now, and the coroutine is to end.
    bool take(WorkCall&);
    enum class Ended : std::uint8_t { done, dropped };
    void finish(WorkCall&, Ended);
    void retry(WorkCall&, base::TimePoint due);
    bool is_ours(const WorkCall&) const;
    // A letter is to be written instead, which is no call of the handler any more.
    void set_aside(const WorkCall&);

    // --- By who writes letters.
    // One could not be written, and waits; it is written again.
    void park(const WorkCall&);
    void unpark(const WorkCall&);
    // It is written, or of no use any more.
    void settle(const WorkCall&);

    void fill(ParallelStats&) const;
    struct PartitionView {
        std::int64_t watermark = -1;
        std::int64_t next = -1;
        std::size_t unfinished = 0;
        std::uint64_t taken = 0;  // from the watermark on
    };
    PartitionView view(Partition) const;

private:
    bool is_idle_locked(std::span<const Partition>) const;
    bool take_locked(WorkCall&);
    void count_done(const WorkCall&, std::uint64_t* more);
    // What a call that has ended may have made possible. `poke` is called by who gets true, without the lock.
    bool after_end();
    // Wakes one who waits if more can be done than by those who are about it.
    void pass_on(std::size_t about_it = 0);

    const WorkOrder order_;
    const std::size_t call_records_;
    const std::size_t coroutines_max_;
    const std::uint64_t commit_every_;
    const base::Clock& clock_;
    Function<void()> poke_;
    mutable std::mutex work_mutex_;  // guards what follows
    std::condition_variable work_;
    std::condition_variable ended_;
    WorkTracker tracker_;
    std::vector<bool> is_of_retry_topic_;  // by partition
    std::vector<Message> messages_;        // by ticket, of those that do not run
    std::size_t idle_ = 0;
    std::size_t coroutines_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t retries_ = 0;
    std::uint64_t passed_over_ = 0;
    std::uint64_t left_behind_ = 0;
    std::uint64_t orphaned_ = 0;
    std::uint64_t done_since_commit_ = 0;
    bool wants_room_ = false;
    bool wants_empty_ = false;
    bool waits_for_end_ = false;
    bool closed_ = false;
};

}  // namespace ottla::client
