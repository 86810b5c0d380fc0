// SPDX-License-Identifier: Apache-2.0
#include "broker/log/sync_choice.hpp"

#include <algorithm>

namespace ottla::broker::log {
namespace {

// The share of the newest measure.
constexpr double newest_file = 0.25, newest_ratio = 0.125;
// One slow sync among quick ones, as any disk has them, is not enough to turn away.
constexpr double ratio_max = 4;
// After a pause the next try decides.
constexpr double ratio_doubtful = 0.95;

double smoothed(double before, double newest, double share) { return before + (newest - before) * share; }

}  // namespace

bool SyncChoice::together(std::size_t files, base::TimePoint now) const noexcept {
    return files > 1 && file_ns_ && now >= paused_until_;
}

void SyncChoice::took(bool together, std::size_t files, base::Duration duration, base::TimePoint now) noexcept {
    if (files < 2) return;
    const double each = static_cast<double>(duration.count()) / static_cast<double>(files);
    if (!together) {
        file_ns_ = file_ns_ ? smoothed(*file_ns_, each, newest_file) : each;
        return;
    }
    const double ratio = *file_ns_ > 0 ? std::min(each / *file_ns_, ratio_max) : ratio_max;
    ratio_ = smoothed(ratio_, ratio, newest_ratio);
    if (ratio_ <= ratio_hoped) pause_ = pause_min;
    if (ratio_ <= 1) return;
    paused_until_ = now + pause_;
    pause_ = std::min(2 * pause_, pause_max);
    ratio_ = ratio_doubtful;
}

}  // namespace ottla::broker::log
