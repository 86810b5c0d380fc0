// SPDX-License-Identifier: Apache-2.0
// SyncChoice: whether a group of files is synced one by one or together with all of their file system. The first costs
// by the file, the second by what is dirty there, whoever wrote it: what both took lately decides. Measured:
// bench/broker/io_choices/group_sync_bench.cpp.
#pragma once

#include <cstddef>
#include <optional>

#include "base/clock.hpp"

namespace ottla::broker::log {

class SyncChoice {
public:
    // For so long no group is synced together after that has come out slower; twice as long each time it is again.
    static constexpr base::Duration pause_min = std::chrono::seconds(1);
    static constexpr base::Duration pause_max = std::chrono::seconds(64);

    bool together(std::size_t files, base::TimePoint now) const noexcept;
    // A group has been synced.
    void took(bool together, std::size_t files, base::Duration, base::TimePoint now) noexcept;

private:
    // Of one file among several, smoothed; nothing until some were synced one by one.
    std::optional<double> file_ns_;
    // What syncing together takes, as a part of what the files would by themselves; smoothed.
    double ratio_ = ratio_hoped;
    static constexpr double ratio_hoped = 0.5;
    base::Duration pause_ = pause_min;
    base::TimePoint paused_until_{};
};

}  // namespace ottla::broker::log
