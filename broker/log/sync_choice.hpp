// SPDX-License-Identifier: Apache-2.0
// SyncChoice: whether a group of files is synced one by one or together with all of their file system. The first costs
// by the file, the second by what is dirty there, whoever wrote it: what both took lately decides, for small groups and
// large ones apart. Measured: bench/broker/io_choices/group_sync_bench.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "base/clock.hpp"

namespace ottla::broker::log {

class SyncChoice {
public:
    // For so long no group is synced together after that has come out slower; twice as long each time it is again.
    static constexpr base::Duration pause_min = std::chrono::seconds(1);
    static constexpr base::Duration pause_max = std::chrono::seconds(64);
    // One that took so much longer than the files would have is enough by itself, and the pause is in proportion.
    static constexpr base::Duration loss_max = std::chrono::milliseconds(100);
    static constexpr int pause_per_loss = 64;
    // What the files take by themselves is measured again after so many groups and so long.
    static constexpr int measured_every = 64;
    static constexpr base::Duration measured_for = std::chrono::seconds(1);

    bool together(std::size_t files, base::TimePoint now) const noexcept;
    // A group has been synced.
    void took(bool together, std::size_t files, base::Duration, base::TimePoint now) noexcept;

private:
    // What is known of groups of about one size.
    struct OfSize {
        // Of one file among several, smoothed; nothing until some were synced one by one.
        std::optional<double> file_ns;
        base::TimePoint measured{};
        // What syncing together takes, as a part of what the files would by themselves; smoothed.
        double ratio = ratio_hoped;
        int together_since_measured = 0;
        int together_since_pause = 0;
        base::Duration pause = pause_min;
        base::TimePoint paused_until{};

        void took_together(base::Duration, double files_ns, base::TimePoint now) noexcept;
    };
    static constexpr double ratio_hoped = 0.5;
    static std::size_t size_of(std::size_t files) noexcept;

    std::array<OfSize, 16> of_sizes_;
};

}  // namespace ottla::broker::log
