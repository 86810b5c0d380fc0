// SPDX-License-Identifier: Apache-2.0
#include "broker/log/group_sync.hpp"

#include <algorithm>

#include "net/run_on.hpp"

namespace ottla::broker::log {

struct GroupSync::Group {
    std::vector<std::shared_ptr<Syncable>> logs;
    std::vector<SyncWork> works;  // of each
    std::size_t jobs = 0;         // not yet ended
    Result<void> done;            // or a failure
    bool together = false;
    base::TimePoint began;

    // And directories: whatever has a sync of its own.
    std::size_t files() const noexcept {
        std::size_t sum = 0;
        for (const auto& work : works) sum += work.files.size() + work.directories.size();
        return sum;
    }
    // One job's part of the works. All begin before the first is waited for: then the disk gets them together.
    Result<void> run(Disk& disk, std::size_t first, std::size_t last) {
        for (std::size_t i = first; last - first > 1 && i < last; ++i) works[i].start();
        for (std::size_t i = first; i < last; ++i) {
            if (auto synced = works[i].run(disk); !synced) return synced;
        }
        return ok();
    }
};

std::shared_ptr<GroupSync> GroupSync::make(LogDirectory& directory, FlushPolicy policy, base::Workers& workers,
                                           net::Timers& timers, net::asio::any_io_executor executor) {
    return std::shared_ptr<GroupSync>(new GroupSync(directory, policy, workers, timers, std::move(executor)));
}

GroupSync::GroupSync(LogDirectory& directory, FlushPolicy policy, base::Workers& workers, net::Timers& timers,
                     net::asio::any_io_executor executor)
    : directory_(directory),
      policy_(policy),
      workers_(workers),
      timers_(timers),
      executor_(executor),
      alarm_(timers, executor, [this] { start(); }),
      // Under the other policy there may be any amount that is not to be synced.
      file_system_(policy == FlushPolicy::ack ? directory.disk().file_system_sync(directory.path()) : nullptr) {}

void GroupSync::sync_now(const std::shared_ptr<Syncable>& log) {
    gather(log);
    start();
}

void GroupSync::sync_soon(const std::shared_ptr<Syncable>& log) {
    gather(log);
    // When a group runs, its end starts the next one anyway.
    if (!running_) alarm_.set_if_earlier(timers_.now() + sync_soon_within);
}

void GroupSync::gather(const std::shared_ptr<Syncable>& log) {
    if (std::exchange(log->gathered_, true)) return;
    gathered_.push_back(log);
}

void GroupSync::start() {
    if (running_ || gathered_.empty()) return;
    auto group = std::make_shared<Group>();
    for (const auto& gathered : std::exchange(gathered_, {})) {
        auto log = gathered.lock();
        if (!log) continue;
        log->gathered_ = false;
        group->works.push_back(log->begin_sync());
        group->logs.push_back(std::move(log));
    }
    if (group->logs.empty()) return;
    running_ = true;
    directory_.counts().syncs.add();
    directory_.counts().logs_synced.add(group->logs.size());
    run(group);
}

void GroupSync::run(const std::shared_ptr<Group>& group) {
    group->began = timers_.now();
    group->together = file_system_ && choice_.together(group->files(), group->began);
    if (group->together) {
        directory_.counts().syncs_together.add();
        group->jobs = 1;
        return run_job(group, [group, &disk = directory_.disk(), file_system = file_system_] {
            return run_together(group->works, disk, *file_system);
        });
    }
    // Side by side, since file systems join what several threads sync at once into one commit of their journal.
    const std::size_t count = group->works.size();
    group->jobs = std::min(count, jobs_max);
    for (std::size_t j = 0, jobs = group->jobs; j < jobs; ++j) {
        run_job(group, [group, &disk = directory_.disk(), first = count * j / jobs, last = count * (j + 1) / jobs] {
            return group->run(disk, first, last);
        });
    }
}

void GroupSync::run_job(const std::shared_ptr<Group>& group, Function<Result<void>()> sync) {
    auto job = [&directory = directory_, sync = std::move(sync)]() mutable {
        return directory.offline() ? Result<void>(Error::of(ErrorCode::kafka_storage_error)) : sync();
    };
    auto ended = [self = shared_from_this(), group](const Result<void>& done) {
        // Never again: what did not reach the disk now is not known to be there after a second try that succeeds.
        if (!done) {
            group->done = done;
            self->directory_.take_offline(done.error());
        }
        if (--group->jobs == 0) self->end(*group, group->done);
    };
    net::start_on(workers_, executor_, std::move(job), std::move(ended));
}

void GroupSync::end(Group& group, const Result<void>& done) {
    for (std::size_t i = 0; i < group.logs.size(); ++i) group.logs[i]->end_sync(group.works[i], done);
    running_ = false;
    const auto now = timers_.now();
    const auto took = now - group.began;
    choice_.took(group.together, group.files(), took, now);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    directory_.counts().sync_micros.add(static_cast<std::uint64_t>(micros));
    start();
}

}  // namespace ottla::broker::log
