// SPDX-License-Identifier: Apache-2.0
// OpenProgress: says in the broker's log how far the opening of partitions is, when it takes long. Any thread may call.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>

#include "broker/server/node.hpp"

namespace ottla::broker {

class OpenProgress {
public:
    OpenProgress(Node& node, std::size_t count)
        : node_(node),
          count_(count),
          began_(node.timers->now()),
          told_(began_) {}

    void opened_one() {
        const std::lock_guard lock(mutex_);
        ++opened_;
        const auto now = node_.timers->now();
        if (now - told_ < tell_every && (opened_ < count_ || now - began_ < worth_telling)) return;
        told_ = now;
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_);
        node_.log.info("{} of {} partitions are open after {} ms", opened_, count_, took.count());
    }

private:
    static constexpr std::chrono::seconds tell_every{1};
    static constexpr std::chrono::milliseconds worth_telling{100};
    Node& node_;
    const std::size_t count_;
    std::mutex mutex_;
    const base::TimePoint began_;
    std::size_t opened_ = 0;
    base::TimePoint told_;
};

}  // namespace ottla::broker
