// SPDX-License-Identifier: Apache-2.0
#include "client/parallel/work_desk.hpp"

#include <algorithm>

namespace ottla::client {
namespace {

WorkLimits limits_of(const ParallelConsumerConfig& c) {
    return {.calls_max = static_cast<std::size_t>(c.max_concurrency),
            .records_max = static_cast<std::size_t>(c.buffered_records),
            .bytes_max = static_cast<std::size_t>(c.buffered_bytes)};
}

}  // namespace

WorkDesk::WorkDesk(const ParallelConsumerConfig& c, std::size_t call_records, const base::Clock& clock,
                   Function<void()> poke)
    : order_(c.order),
      call_records_(call_records),
      coroutines_max_(static_cast<std::size_t>(c.max_concurrency)),
      commit_every_(static_cast<std::uint64_t>(c.commit_every)),
      clock_(clock),
      poke_(std::move(poke)),
      tracker_(limits_of(c)) {}

WorkDesk::Partition WorkDesk::begin(PartitionProgress progress, bool is_of_retry_topic) {
    const std::lock_guard lock(work_mutex_);
    const auto p = tracker_.begin(std::move(progress));
    if (is_of_retry_topic_.size() <= p) is_of_retry_topic_.resize(p + 1);
    is_of_retry_topic_[p] = is_of_retry_topic;
    return p;
}

std::int64_t WorkDesk::next_offset(Partition p) const {
    const std::lock_guard lock(work_mutex_);
    return tracker_.progress(p).next();
}

void WorkDesk::add(Partition p, const MessageBatch& batch, std::size_t count) {
    const std::lock_guard lock(work_mutex_);
    for (std::size_t i = 0; i < count; ++i) {
        const MessageView& m = batch[i];
        auto chain = WorkTracker::none;
        if (order_ == WorkOrder::partition)
            chain = WorkTracker::chain_of(p);
        else if (order_ == WorkOrder::key && !m.key().is_null())
            chain = WorkTracker::chain_of(p, m.key().text());
        const auto t = tracker_.add(p, chain, m.offset(), m.key().size() + m.value().size());
        if (!t) {
            ++passed_over_;
            continue;
        }
        if (messages_.size() <= *t) messages_.resize(std::max<std::size_t>(*t + 1, messages_.size() * 2));
        messages_[*t] = batch.message(i);
    }
    pass_on();
}

bool WorkDesk::wants_more() {
    const std::lock_guard lock(work_mutex_);
    wants_room_ = !tracker_.wants_more();
    return !wants_room_;
}

void WorkDesk::stop(std::span<const Partition> partitions) {
    const std::lock_guard lock(work_mutex_);
    for (const auto p : partitions) tracker_.stop(p);
}

bool WorkDesk::is_idle_locked(std::span<const Partition> partitions) const {
    return std::ranges::all_of(partitions, [&](Partition p) { return tracker_.running(p) == 0; });
}

bool WorkDesk::is_idle(std::span<const Partition> partitions) const {
    const std::lock_guard lock(work_mutex_);
    return is_idle_locked(partitions);
}

bool WorkDesk::wait_until_idle(std::span<const Partition> partitions, base::TimePoint until) {
    std::unique_lock lock(work_mutex_);
    waits_for_end_ = true;
    const bool is_idle = ended_.wait_until(lock, until, [&] { return is_idle_locked(partitions); });
    waits_for_end_ = false;
    return is_idle;
}

void WorkDesk::end(std::span<const Partition> partitions) {
    const std::lock_guard lock(work_mutex_);
    for (const auto p : partitions) {
        left_behind_ += tracker_.progress(p).unfinished();
        for (const auto t : tracker_.end(p)) messages_[t] = Message();
    }
}

WorkDesk::Progress WorkDesk::progress(Partition p) const {
    const std::lock_guard lock(work_mutex_);
    const auto& progress = tracker_.progress(p);
    return {progress.watermark(), progress.beyond(), progress.is_within_map()};
}

bool WorkDesk::is_empty() {
    const std::lock_guard lock(work_mutex_);
    wants_empty_ = tracker_.records() > 0;
    return !wants_empty_;
}

std::uint64_t WorkDesk::done_since_commit() const {
    const std::lock_guard lock(work_mutex_);
    return done_since_commit_;
}

void WorkDesk::committed() {
    const std::lock_guard lock(work_mutex_);
    done_since_commit_ = 0;
}

std::size_t WorkDesk::begin_coroutines() {
    const std::lock_guard lock(work_mutex_);
    tracker_.wake(clock_.now());
    const auto count = std::min(tracker_.ready(), coroutines_max_ - coroutines_);
    coroutines_ += count;
    return count;
}

std::optional<base::TimePoint> WorkDesk::next_due() const {
    const std::lock_guard lock(work_mutex_);
    return tracker_.next_due();
}

void WorkDesk::close() {
    const std::lock_guard lock(work_mutex_);
    closed_ = true;
    work_.notify_all();
}

bool WorkDesk::wait_for(WorkCall& call) {
    std::unique_lock lock(work_mutex_);
    for (;;) {
        if (closed_) return false;
        if (take_locked(call)) {
            pass_on();
            return true;
        }
        ++idle_;
        if (const auto due = tracker_.next_due())
            work_.wait_until(lock, *due);
        else
            work_.wait(lock);
        --idle_;
    }
}

bool WorkDesk::take(WorkCall& call) {
    const std::lock_guard lock(work_mutex_);
    if (!closed_ && take_locked(call)) return true;
    --coroutines_;
    return false;
}

bool WorkDesk::take_locked(WorkCall& call) {
    if (const auto due = tracker_.next_due(); due && *due <= clock_.now()) tracker_.wake(clock_.now());
    call.tickets.resize(call_records_);
    call.tickets.resize(tracker_.take(call.tickets));
    call.items.clear();
    for (const auto t : call.tickets) {
        const auto attempt = static_cast<std::int32_t>(tracker_.attempts(t));
        if (is_of_retry_topic_[tracker_.partition(t)]) [[unlikely]]
            call.items.push_back(WorkItem::from_retry_topic(std::move(messages_[t]), attempt));
        else
            call.items.emplace_back(std::move(messages_[t]), attempt);
    }
    return !call.tickets.empty();
}

void WorkDesk::finish(WorkCall& call, Ended how) {
    bool is_awaited = false;
    {
        const std::lock_guard lock(work_mutex_);
        count_done(call, how == Ended::done ? &done_ : &dropped_);
        tracker_.finish(call.tickets);
        is_awaited = after_end();
        pass_on(1);
    }
    if (is_awaited) poke_();
}

void WorkDesk::count_done(const WorkCall& call, std::uint64_t* more) {
    for (const auto t : call.tickets) {
        if (!tracker_.is_ours(t)) {
            ++orphaned_;
            continue;
        }
        ++done_since_commit_;
        if (more) ++*more;
    }
}

void WorkDesk::set_aside(const WorkCall& call) {
    const std::lock_guard lock(work_mutex_);
    tracker_.set_aside(call.tickets);
    pass_on(1);
}

void WorkDesk::park(const WorkCall& call) {
    const std::lock_guard lock(work_mutex_);
    tracker_.park(call.tickets);
    if (waits_for_end_) ended_.notify_all();
}

void WorkDesk::unpark(const WorkCall& call) {
    const std::lock_guard lock(work_mutex_);
    tracker_.unpark(call.tickets);
}

void WorkDesk::settle(const WorkCall& call) {
    bool is_awaited = false;
    {
        const std::lock_guard lock(work_mutex_);
        count_done(call, nullptr);
        tracker_.settle(call.tickets);
        // Where nobody waits for work, somebody has to be begun for what stood behind it.
        is_awaited = after_end() || (idle_ == 0 && tracker_.has_ready());
        pass_on();
    }
    if (is_awaited) poke_();
}

void WorkDesk::retry(WorkCall& call, base::TimePoint due) {
    // What waits for long must not hold back the memory of all that came with it.
    for (auto& item : call.items) item = item.copy();
    {
        const std::lock_guard lock(work_mutex_);
        for (std::size_t i = 0; i < call.tickets.size(); ++i) messages_[call.tickets[i]] = std::move(call.items[i]);
        const auto freed = tracker_.retry(call.tickets, due);
        for (const auto t : freed) messages_[t] = Message();
        orphaned_ += freed.size();
        retries_ += call.tickets.size() - freed.size();
        (void)after_end();
        work_.notify_one();  // somebody waits for a time that may be later
    }
    poke_();
}

bool WorkDesk::is_ours(const WorkCall& call) const {
    const std::lock_guard lock(work_mutex_);
    return std::ranges::any_of(call.tickets, [&](Ticket t) { return tracker_.is_ours(t); });
}

bool WorkDesk::after_end() {
    if (waits_for_end_) ended_.notify_all();
    if (commit_every_ > 0 && done_since_commit_ >= commit_every_) return true;
    if (wants_empty_ && tracker_.records() == 0) return true;
    if (!wants_room_ || !tracker_.wants_more()) return false;
    wants_room_ = false;
    return true;
}

// One after the other: who takes work wakes the next.
void WorkDesk::pass_on(std::size_t about_it) {
    if (idle_ > 0 && tracker_.has_ready() && tracker_.ready() > about_it) work_.notify_one();
}

void WorkDesk::fill(ParallelStats& s) const {
    const std::lock_guard lock(work_mutex_);
    s.done = done_;
    s.dropped = dropped_;
    s.retries = retries_;
    s.passed_over = passed_over_;
    s.left_behind = left_behind_;
    s.orphaned = orphaned_;
    s.buffered = tracker_.records();
    s.buffered_bytes = tracker_.bytes();
    s.running = tracker_.calls();
    s.waiting_for_retry = tracker_.waiting_for_retry();
    s.waiting_for_letter = tracker_.aside();
}

WorkDesk::PartitionView WorkDesk::view(Partition p) const {
    const std::lock_guard lock(work_mutex_);
    const auto& progress = tracker_.progress(p);
    return {progress.watermark(), progress.next(), progress.unfinished(), progress.taken()};
}

}  // namespace ottla::client
