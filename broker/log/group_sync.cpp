// SPDX-License-Identifier: Apache-2.0
#include "broker/log/group_sync.hpp"

#include "net/run_on.hpp"

namespace ottla::broker::log {

struct GroupSync::Group {
    std::vector<std::shared_ptr<Syncable>> logs;
    std::vector<SyncWork> works;  // of each

    Result<void> run(Disk& disk) const {
        for (const auto& work : works) {
            if (auto done = work.run(disk); !done) return done;
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
      alarm_(timers, executor, [this] { start(); }) {}

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
    ++counts_.groups;
    counts_.logs += group->logs.size();
    auto job = [group, &directory = directory_] {
        if (directory.offline()) return Result<void>(Error::of(ErrorCode::kafka_storage_error));
        return group->run(directory.disk());
    };
    net::start_on(workers_, executor_, std::move(job),
                  [self = shared_from_this(), group](const Result<void>& done) { self->end(*group, done); });
}

void GroupSync::end(Group& group, const Result<void>& done) {
    // Never again: what did not reach the disk now is not known to be there after a second try that succeeds.
    if (!done) directory_.take_offline(done.error());
    for (std::size_t i = 0; i < group.logs.size(); ++i) group.logs[i]->end_sync(group.works[i], done);
    running_ = false;
    start();
}

}  // namespace ottla::broker::log
