// SPDX-License-Identifier: Apache-2.0
// GroupSync: the LogIo of a shard and a log directory. While one group of logs is being synced on the workers, the
// next gathers; so a slow disk makes larger groups, not longer queues, and who is alone waits for nobody. A group is
// synced file by file, or by one sync of the file system, whichever has been quicker.
#pragma once

#include <memory>
#include <vector>

#include <ottla/function.hpp>
#include "broker/log/log_io.hpp"
#include "broker/log/sync_choice.hpp"
#include "net/alarm.hpp"
#include "net/timers.hpp"

namespace ottla::broker::log {

class GroupSync final : public LogIo, public std::enable_shared_from_this<GroupSync> {
public:
    static constexpr base::Duration sync_soon_within = std::chrono::milliseconds(10);
    // A group is split over so many workers. Measured: bench/broker/io_choices/group_sync_bench.cpp.
    static constexpr std::size_t jobs_max = 4;

    // Everything handed in must outlive the last group; the workers are drained before the executor's context goes.
    static std::shared_ptr<GroupSync> make(LogDirectory& directory, FlushPolicy policy, base::Workers& workers,
                                           net::Timers& timers, net::asio::any_io_executor executor);

    FlushPolicy policy() const override { return policy_; }
    LogDirectory& directory() const override { return directory_; }
    void sync_now(const std::shared_ptr<Syncable>&) override;
    void sync_soon(const std::shared_ptr<Syncable>&) override;
    base::Workers& workers() const override { return workers_; }

private:
    struct Group;
    GroupSync(LogDirectory& directory, FlushPolicy policy, base::Workers& workers, net::Timers& timers,
              net::asio::any_io_executor executor);
    void gather(const std::shared_ptr<Syncable>&);
    void start();
    void run(const std::shared_ptr<Group>&);
    void run_job(const std::shared_ptr<Group>&, Function<Result<void>()>);
    void end(Group&, const Result<void>&);

    LogDirectory& directory_;
    FlushPolicy policy_;
    base::Workers& workers_;
    net::Timers& timers_;
    net::asio::any_io_executor executor_;
    net::Alarm alarm_;
    // Weak: who goes before its turn needs no sync, and its log holds this object.
    std::vector<std::weak_ptr<Syncable>> gathered_;
    bool running_ = false;
    // None: file by file. A job may outlive this object.
    std::shared_ptr<FileSystemSync> file_system_;
    SyncChoice choice_;
};

}  // namespace ottla::broker::log
