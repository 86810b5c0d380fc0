// SPDX-License-Identifier: Apache-2.0
// What is committed, and what becomes of partitions that come and go.
#include <algorithm>

#include <fmt/format.h>

#include "client/parallel/intake.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

constexpr auto call_timeout_max = 10s;

}  // namespace

std::chrono::nanoseconds Intake::call_timeout() const {
    const auto until = close_until_.load();
    // Who waits for it does not poll.
    const auto most = std::min<std::chrono::nanoseconds>(core_->config().group.max_poll_interval / 4, call_timeout_max);
    if (until == base::TimePoint::max()) return most;
    return std::clamp<std::chrono::nanoseconds>(until - core_->runtime().now(), 0s, most);
}

base::TimePoint Intake::handlers_until() const {
    return std::min(core_->runtime().now() + config_.revoke_timeout, work_until_.load());
}

base::TimePoint Intake::commits_until() const {
    return core_->runtime().now() + std::chrono::nanoseconds(core_->config().group.max_poll_interval) / 4 * 3;
}

std::chrono::nanoseconds Intake::commit_timeout(base::TimePoint until) const {
    return std::min<std::chrono::nanoseconds>(std::max<std::chrono::nanoseconds>(until - core_->runtime().now(), 0s),
                                              call_timeout());
}

void Intake::on_assigned(Consumer& consumer, std::span<const TopicPartition> partitions) {
    begin_all(partitions, consumer.committed({partitions.begin(), partitions.end()}, call_timeout()));
}

void Intake::begin_all(std::span<const TopicPartition> partitions, Result<std::vector<TopicPartition>> committed) {
    if (!committed) {
        log().warn("what is committed is not known, and what was done beyond it is done again: {}",
                   to_string(committed.error()));
        committed = std::vector<TopicPartition>(partitions.begin(), partitions.end());
    }
    const auto now = core_->runtime().now();
    const std::lock_guard lock(assigned_mutex_);
    for (const auto& tp : *committed) {
        Assigned a;
        a.gate = gate_of(tp.topic);
        a.number = desk_->begin(begin_at(tp), a.gate.has_value());
        a.moved_at = now;
        if (tp.offset.is_absolute()) {
            a.committed = tp.offset.value();
            a.metadata = tp.metadata;
        }
        assigned_.insert_or_assign(Key(tp.topic, tp.partition), std::move(a));
    }
}

PartitionProgress Intake::begin_at(const TopicPartition& tp) {
    if (!tp.offset.is_absolute() || tp.error.code() != ErrorCode::none) return {};
    auto map = OffsetMap::decode(tp.offset.value(), tp.metadata);
    if (map) return PartitionProgress(std::move(*map));
    ++maps_unreadable_;
    log().warn("{}[{}]: {}; all from {} on is done again", tp.topic, tp.partition, map.error().text(),
               tp.offset.value());
    return PartitionProgress(OffsetMap(tp.offset.value()));
}

void Intake::on_revoked(Consumer& consumer, std::span<const TopicPartition> partitions) {
    const auto numbers = numbers_of(partitions);
    desk_->stop(numbers);
    const auto until = commits_until();
    if (!desk_->wait_until_idle(numbers, handlers_until())) warn_of_running();
    for (auto offsets = to_commit(&partitions); !offsets.empty(); offsets = to_commit_again(partitions, until))
        take_answer(consumer.commit(std::move(offsets), commit_timeout(until)));
    forget(partitions);
}

void Intake::warn_of_running() {
    log().warn("handlers are still running on partitions that are given back: their records are done again");
}

void Intake::on_lost(std::span<const TopicPartition> partitions) {
    log().warn("{} partitions are lost: what is done of them and not committed is done again", partitions.size());
    forget(partitions);
}

std::vector<WorkDesk::Partition> Intake::numbers_of(std::span<const TopicPartition> partitions) const {
    std::vector<WorkDesk::Partition> numbers;
    for (const auto& tp : partitions)
        if (const auto found = assigned_.find({tp.topic, tp.partition}); found != assigned_.end())
            numbers.push_back(found->second.number);
    return numbers;
}

void Intake::forget(std::span<const TopicPartition> partitions) {
    desk_->end(numbers_of(partitions));
    const std::lock_guard lock(assigned_mutex_);
    for (const auto& tp : partitions) assigned_.erase({tp.topic, tp.partition});
}

std::optional<std::string> Intake::metadata_of(Assigned& a, const WorkDesk::Progress& progress) {
    a.is_held = false;
    if (config_.metadata_bytes == 0 || !progress.beyond.has_done()) return std::string();
    const auto limit = commits_->map_limit();
    if (limit == 0) return std::nullopt;
    auto map = progress.beyond.encode(limit);
    // What is read within the committed map can only make it smaller, and nothing else does.
    a.is_held = !progress.is_within_map && (!map || map->size() > limit / 4 * 3);
    if (map) return std::move(*map);
    return std::nullopt;
}

std::optional<TopicPartition> Intake::to_commit(const Key& key, Assigned& a) {
    const auto progress = desk_->progress(a.number);
    if (progress.watermark < 0) return std::nullopt;
    if (progress.watermark != a.watermark) {
        a.watermark = progress.watermark;
        a.moved_at = core_->runtime().now();
    }
    const auto map = metadata_of(a, progress);
    auto metadata = map.value_or(std::string());
    if (progress.watermark == a.committed && metadata == a.metadata) return std::nullopt;
    if (!map) ++commits_without_map_;
    a.committed = progress.watermark;
    a.metadata = metadata;
    TopicPartition tp(key.first, key.second, progress.watermark);
    tp.metadata = std::move(metadata);
    return tp;
}

std::vector<TopicPartition> Intake::to_commit(const std::span<const TopicPartition>* only) {
    // What goes away is not left to a commit that may still fail: nobody would try it again.
    const bool is_last = only && commits_->under_way > 0;
    const bool again = commits_->again.exchange(false) || is_last;
    std::vector<TopicPartition> offsets;
    const std::lock_guard lock(assigned_mutex_);
    for (auto& [key, a] : assigned_) {
        if (again) a.committed = -1;
        const auto is_this = [&](const TopicPartition& tp) {
            return tp.topic == key.first && tp.partition == key.second;
        };
        if (only && std::ranges::none_of(*only, is_this)) continue;
        if (auto tp = to_commit(key, a)) offsets.push_back(std::move(*tp));
    }
    return offsets;
}

std::vector<TopicPartition> Intake::begin_commit(base::TimePoint now) {
    next_commit_ = now + config_.commit_interval;
    commits_->at_once = false;
    desk_->committed();
    return to_commit(nullptr);
}

void Intake::commit(base::TimePoint now) {
    auto offsets = begin_commit(now);
    if (offsets.empty()) return;
    if (!config_.waits_for_commits) return commit_in_passing(std::move(offsets));
    take_answer(consumer_.commit(std::move(offsets), call_timeout()));
}

void Intake::take_answer(const Result<std::vector<TopicPartition>>& done) {
    tell(*hooks_, done);
    on_committed(*commits_, log(), done);
}

std::vector<TopicPartition> Intake::to_commit_again(std::span<const TopicPartition> partitions, base::TimePoint until) {
    // Each refusal makes maps smaller, until there are none.
    if (!commits_->at_once.exchange(false) || commit_timeout(until) == 0s) return {};
    return to_commit(&partitions);
}

void Intake::commit_in_passing(std::vector<TopicPartition> offsets) {
    ++commits_->under_way;
    consumer_.async_commit(std::move(offsets), call_timeout(),
                           [commits = commits_, core = core_, hooks = hooks_,
                            poke = poke_](const Result<std::vector<TopicPartition>>& done) {
                               --commits->under_way;
                               tell(*hooks, done);
                               on_committed(*commits, core->runtime().log(DebugContext::consumer), done);
                               if (commits->at_once) poke->give();
                           });
}

void Intake::tell(ParallelHookCalls& hooks, const Result<std::vector<TopicPartition>>& done) {
    if (!hooks.wants(&ParallelHooks::on_commit)) return;
    CommitEvent event;
    if (done)
        event.offsets = *done;
    else
        event.error = done.error();
    hooks.tell(&ParallelHooks::on_commit, event);
}

void Intake::on_committed(Commits& commits, const base::Log& log, const Result<std::vector<TopicPartition>>& done) {
    if (!done) {
        ++commits.failed;
        commits.again = true;
        return log.warn("a commit failed, and is tried again: {}", to_string(done.error()));
    }
    for (const auto& tp : *done) {
        if (tp.error.code() == ErrorCode::none) {
            ++commits.done;
            const std::lock_guard lock(commits.limit_mutex);
            commits.limit.taken(tp.metadata.size());
            continue;
        }
        // A later one has taken its place.
        if (tp.error == ErrorCode::cancelled) continue;
        ++commits.failed;
        commits.again = true;
        if (tp.error == ErrorCode::offset_metadata_too_large && !tp.metadata.empty())
            on_refused_map(commits, log, tp);
        else
            log.warn("a commit failed: {}", to_string(tp));
    }
}

void Intake::on_refused_map(Commits& commits, const base::Log& log, const TopicPartition& tp) {
    std::size_t limit = 0;
    {
        const std::lock_guard lock(commits.limit_mutex);
        commits.limit.refused(tp.metadata.size());
        limit = commits.limit.bytes();
    }
    commits.at_once = true;
    if (commits.has_warned.exchange(true)) return;
    log.warn(
        "{}[{}]: the broker refuses a commit with a map of {} bytes ({}): its offset.metadata.max.bytes is below "
        "ParallelConsumerConfig::metadata_bytes ({}). It is committed without map, and maps have at most {} bytes from "
        "now on; raise the one, or lower the other",
        tp.topic, tp.partition, tp.metadata.size(), name(tp.error.code()), commits.configured, limit);
}

}  // namespace ottla::client
