// SPDX-License-Identifier: Apache-2.0
#include "client/group/rebalance_desk.hpp"

#include <utility>

namespace ottla::client {

std::vector<std::uint64_t> RebalanceDesk::put(Task task) {
    using enum Rebalance::Kind;
    const std::lock_guard lock(tasks_mutex_);
    std::vector<std::uint64_t> done;
    if (task.rebalance.kind == lost) {
        lost_ = true;
        ++losses_;
        for (auto& waiting : std::exchange(tasks_, {})) {
            done.push_back(waiting.call);
            if (waiting.rebalance.kind == assigned)
                task.rebalance.partitions = without(task.rebalance.partitions, waiting.rebalance.partitions);
            else
                merge(task.rebalance.partitions, waiting.rebalance.partitions);
        }
        if (task.rebalance.partitions.empty()) {
            done.push_back(task.call);
            look();
            return done;
        }
    }
    tasks_.push_back(std::move(task));
    look();
    return done;
}

std::optional<RebalanceDesk::Task> RebalanceDesk::take() {
    const std::lock_guard lock(tasks_mutex_);
    if (busy_ || tasks_.empty()) return std::nullopt;
    busy_ = true;
    std::optional<Task> task(std::move(tasks_.front()));
    tasks_.pop_front();
    if (task->rebalance.kind == Rebalance::Kind::assigned) lost_ = false;
    return task;
}

void RebalanceDesk::finish() {
    const std::lock_guard lock(tasks_mutex_);
    busy_ = false;
    look();
}

bool RebalanceDesk::is_busy() const {
    const std::lock_guard lock(tasks_mutex_);
    return busy_;
}

void RebalanceDesk::await_poll() {
    const std::lock_guard lock(tasks_mutex_);
    poll_wanted_ = true;
    look();
}

bool RebalanceDesk::take_poll_wanted() {
    const std::lock_guard lock(tasks_mutex_);
    const bool wanted = std::exchange(poll_wanted_, false);
    look();
    return wanted;
}

void RebalanceDesk::set_identity(MemberIdentity identity, bool takes_part) {
    const std::lock_guard lock(tasks_mutex_);
    identity_ = std::move(identity);
    takes_part_ = takes_part;
}

MemberIdentity RebalanceDesk::identity() const {
    const std::lock_guard lock(tasks_mutex_);
    return identity_;
}

bool RebalanceDesk::takes_part() const {
    const std::lock_guard lock(tasks_mutex_);
    return takes_part_;
}

}  // namespace ottla::client
