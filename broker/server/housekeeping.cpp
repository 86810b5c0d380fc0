// SPDX-License-Identifier: Apache-2.0
#include "broker/server/housekeeping.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "broker/partitions/partition.hpp"
#include "broker/server/scatter.hpp"
#include "net/run_on.hpp"

namespace ottla::broker {
namespace asio = boost::asio;
using log::Checkpoint;

namespace {

// Kafka looks as often as log.flush.scheduler.interval.ms says, which is never unless it is set, whatever flush.ms is.
constexpr std::int64_t flush_check_interval_ms = 1000;

std::int64_t offset_for(Checkpoint which, const Partition& partition) {
    switch (which) {
        case Checkpoint::recovery_points: return partition.log().recovery_point();
        case Checkpoint::high_watermarks: return partition.high_watermark();
        case Checkpoint::start_offsets: return partition.log_start_offset();
        case Checkpoint::cleaned_offsets: break;
    }
    return partition.clean_up_to();
}

}  // namespace

Housekeeping::Housekeeping(Node& node, base::Workers& workers)
    : node_(node),
      workers_(workers),
      writing_(node.shards.front()->executor()),
      life_(node.shards.front()->executor()) {
    add(Work::recovery_points, node.config->recovery_point_interval_ms);
    add(Work::start_offsets, node.config->start_offset_interval_ms);
    add(Work::high_watermarks, node.config->high_watermark_interval_ms);
    add(Work::retention, node.config->retention_check_interval_ms);
    add(Work::expire_producers, node.config->producer_expiration_check_ms);
    if (node.config->flush_policy == log::FlushPolicy::os) add(Work::flush, flush_check_interval_ms);
}

void Housekeeping::add(Work work, std::int64_t interval_ms) {
    const auto first = node_.timers->now() + std::chrono::milliseconds(node_.config->initial_task_delay_ms);
    tasks_.push_back({work, std::chrono::milliseconds(std::max<std::int64_t>(interval_ms, 1)), first});
}

asio::awaitable<void> Housekeeping::perform(Work work) {
    switch (work) {
        case Work::recovery_points: co_await write(Checkpoint::recovery_points); break;
        case Work::high_watermarks: co_await write(Checkpoint::high_watermarks); break;
        case Work::start_offsets: co_await write(Checkpoint::start_offsets); break;
        case Work::retention: co_await apply_retention(); break;
        case Work::flush: co_await flush(); break;
        case Work::expire_producers: co_await expire_producers(); break;
    }
}

asio::awaitable<void> Housekeeping::run() {
    const net::UntilStopped::Running running(life_);
    while (!life_.stopping()) {
        co_await life_.wake().wait_until(*node_.timers, next_due());
        for (std::size_t i = 0; i < tasks_.size() && !life_.stopping(); ++i) {
            if (tasks_[i].due > node_.timers->now()) continue;
            co_await perform(tasks_[i].work);
            // From its end: a slow disk is not asked for more than it can do.
            tasks_[i].due = node_.timers->now() + tasks_[i].interval;
        }
        if (!life_.stopping()) co_await remove_retired();
    }
}

asio::awaitable<void> Housekeeping::stopped() {
    co_await life_.ended();
    co_await writing_.take();
}

base::TimePoint Housekeeping::next_due() const {
    base::TimePoint next = base::TimePoint::max();
    for (const auto& task : tasks_) next = std::min(next, task.due);
    for (const auto& removal : removals_) next = std::min(next, removal.due);
    return next;
}

template <class Visit>
asio::awaitable<void> Housekeeping::for_each_partition(Visit& visit) {
    Shard& here = *node_.shards.front();
    for (const auto& shard : node_.shards) {
        auto job = [&] {
            for (const auto& partition : shard->partitions()) visit(*partition);
        };
        co_await run_at(*shard, here, job);
    }
}

bool Housekeeping::report(log::LogDirectory& directory, const Result<void>& done) {
    if (done) return true;
    // Without room it is tried again the next time.
    if (done.error() == ErrorCode::storage_full) {
        node_.log.warn("{}: {}", directory.path(), done.error().text());
    } else {
        directory.take_offline(done.error());
    }
    return false;
}

asio::awaitable<Housekeeping::Done> Housekeeping::write(Checkpoint which) {
    // What was gathered first is written first.
    const auto turn = co_await writing_.take();
    Done done;
    for (log::LogDirectory* directory : node_.directories) {
        if (co_await write_in(*directory, which)) done.push_back(directory);
    }
    co_return done;
}

asio::awaitable<bool> Housekeeping::write_in(log::LogDirectory& directory, Checkpoint which) {
    if (directory.offline()) co_return false;
    directory.begin_checkpoint();
    log::OffsetCheckpoint offsets;
    auto gather = [&](Partition& partition) {
        if (&partition.io().directory() != &directory) return;
        const std::int64_t offset = offset_for(which, partition);
        // Once it has moved, a start is told for ever: a power cut may bring back what lay before it.
        const bool may_be_missing = which == Checkpoint::start_offsets || which == Checkpoint::cleaned_offsets;
        if (!may_be_missing || offset > 0) offsets[{partition.topic(), partition.number()}] = offset;
    };
    co_await for_each_partition(gather);
    auto job = [&directory, which, offsets = std::move(offsets)] { return directory.write_checkpoint(which, offsets); };
    const auto written = co_await net::run_on(workers_, std::move(job));
    co_return report(directory, written);
}

asio::awaitable<void> Housekeeping::apply_retention() {
    const std::int64_t now_ms = node_.timers->wall_ms();
    std::map<PartitionKey, std::int64_t> starts;
    auto advance = [&](Partition& partition) {
        partition.apply_retention(now_ms);
        starts[partition.key()] = partition.log_start_offset();
    };
    co_await for_each_partition(advance);
    // First the offset, then the files: so no power cut leaves a log with a hole at its front. On a full disk, where
    // the offset finds no room, one file at a time leaves none either.
    const Done written = co_await write(Checkpoint::start_offsets);
    std::vector<Removal> removals;
    auto retire = [&](Partition& partition) {
        log::LogDirectory& directory = partition.io().directory();
        const bool is_written = std::ranges::find(written, &directory) != written.end();
        const std::size_t count_max = is_written ? std::numeric_limits<std::size_t>::max() : 1;
        const auto start = starts.find(partition.key());
        if (start == starts.end() || start->second == 0) return;
        auto retired = partition.retire_segments(start->second, count_max);
        if (!retired) {
            node_.log.error("{}", retired.error().text());
        } else if (!retired->empty()) {
            node_.log.info("{}-{}: {} bytes below offset {} are given up", partition.topic(), partition.number(),
                           retired->bytes, start->second);
            const auto due = due_after(partition.settings().file_delete_delay_ms);
            removals.push_back({due, &directory, std::move(*retired), {}});
        }
    };
    co_await for_each_partition(retire);
    std::ranges::move(removals, std::back_inserter(removals_));
}

asio::awaitable<void> Housekeeping::flush() {
    const std::int64_t now_ms = node_.timers->wall_ms();
    auto visit = [now_ms](Partition& partition) { partition.flush_if_due(now_ms); };
    co_await for_each_partition(visit);
}

asio::awaitable<void> Housekeeping::expire_producers() {
    // One that wrote last so long ago, by the times of its batches, is forgotten.
    const std::int64_t older_than_ms = node_.timers->wall_ms() - node_.config->producer_expiration_ms + 1;
    auto visit = [older_than_ms](Partition& partition) { partition.expire_producers(older_than_ms); };
    co_await for_each_partition(visit);
}

base::TimePoint Housekeeping::due_after(std::int64_t delay_ms) const {
    constexpr std::chrono::milliseconds never = std::chrono::years(10);
    return node_.timers->now() + std::min(std::chrono::milliseconds(delay_ms), never);
}

void Housekeeping::remove_tree_later(log::LogDirectory& directory, std::string path) {
    removals_.push_back({due_after(node_.config->segment_delete_delay_ms), &directory, {}, std::move(path)});
    life_.wake().notify();
}

void Housekeeping::remove_later(log::LogDirectory& directory, log::Retired retired, std::int64_t delay_ms) {
    removals_.push_back({due_after(delay_ms), &directory, std::move(retired), {}});
    life_.wake().notify();
}

asio::awaitable<void> Housekeeping::remove_retired() {
    const auto now = node_.timers->now();
    const auto due = std::stable_partition(removals_.begin(), removals_.end(),
                                           [now](const auto& removal) { return removal.due > now; });
    std::vector<Removal> removed(std::make_move_iterator(due), std::make_move_iterator(removals_.end()));
    removals_.erase(due, removals_.end());
    for (auto& removal : removed) {
        // What is left then goes some time after the next start.
        if (life_.stopping()) co_return;
        if (!removal.directory->offline()) co_await remove(std::move(removal));
    }
}

asio::awaitable<void> Housekeeping::remove(Removal removal) {
    log::LogDirectory& directory = *removal.directory;
    const bool is_tree = !removal.tree.empty();
    auto job = [&disk = directory.disk(), removal = std::move(removal)] {
        return removal.tree.empty() ? removal.retired.remove(disk) : log::remove_tree(disk, removal.tree);
    };
    const auto done = co_await net::run_on(workers_, std::move(job));
    if (is_tree && !done) {
        // Nobody reads it; the next start tries again.
        node_.log.warn("{}", done.error().text());
    } else {
        report(directory, done);
    }
}

}  // namespace ottla::broker
