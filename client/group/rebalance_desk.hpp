// SPDX-License-Identifier: Apache-2.0
// RebalanceDesk: where the loop hands what happens to the membership to the threads that poll, one thing after the
// other, and where they see who the member is. As long as something waits here or is being dealt with, nobody is
// handed messages. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/group/membership.hpp"

namespace ottla::client {

class RebalanceDesk {
public:
    struct Task {
        std::uint64_t call = 0;
        Rebalance rebalance;
    };

    // By the loop. The calls that are done without the application: a loss takes the place of what still waits.
    std::vector<std::uint64_t> put(Task);
    // Somebody has to look: a task, or a poll that the loop must be told of.
    bool wants_attention() const noexcept { return attention_.load(std::memory_order_acquire); }
    // Nothing when there is none, or another is being dealt with.
    std::optional<Task> take();
    // What was taken is dealt with.
    void finish();
    // Something is being dealt with: code of the application runs, perhaps.
    bool is_busy() const;
    // The next poll is to be told to the loop; true for the first that asks after that.
    void await_poll();
    bool take_poll_wanted();

    // `takes_part`: the partitions are the group's to assign and to take back.
    void set_identity(MemberIdentity, bool takes_part);
    MemberIdentity identity() const;
    bool takes_part() const;
    // Grows whenever an assignment was lost: what began before is not to go on.
    std::uint64_t losses() const noexcept { return losses_.load(std::memory_order_acquire); }
    // The partitions are another's; until the next assignment.
    bool assignment_lost() const noexcept { return lost_.load(std::memory_order_acquire); }

private:
    void look() { attention_.store(!tasks_.empty() || busy_ || poll_wanted_, std::memory_order_release); }

    std::atomic<bool> attention_{false};
    std::atomic<bool> lost_{false};
    std::atomic<std::uint64_t> losses_{0};
    mutable std::mutex tasks_mutex_;  // guards what follows
    std::deque<Task> tasks_;
    bool busy_ = false;
    bool poll_wanted_ = false;
    bool takes_part_ = false;
    MemberIdentity identity_;
};

}  // namespace ottla::client
