// SPDX-License-Identifier: Apache-2.0
#include "broker/log/sync_choice.hpp"

#include <algorithm>
#include <bit>

namespace ottla::broker::log {
namespace {

// The share of the newest measure.
constexpr double newest_file = 0.25, newest_ratio = 0.125;
// One slow sync among quick ones, as any disk has them, is not enough to turn away.
constexpr double ratio_max = 4;
// After a pause the next try decides.
constexpr double ratio_doubtful = 0.95;
// After so many that were quicker the next pause is a short one again.
constexpr int good_again_after = 100;

double smoothed(double before, double newest, double share) { return before + (newest - before) * share; }

}  // namespace

// 2 to 3 files, 4 to 7, 8 to 15, …
std::size_t SyncChoice::size_of(std::size_t files) noexcept {
    return std::min(static_cast<std::size_t>(std::bit_width(files)), std::tuple_size_v<decltype(of_sizes_)>) - 1;
}

bool SyncChoice::together(std::size_t files, base::TimePoint now) const noexcept {
    if (files < 2) return false;
    const OfSize& size = of_sizes_[size_of(files)];
    const bool is_measured =
        size.file_ns && (size.together_since_measured < measured_every || now - size.measured < measured_for);
    return is_measured && now >= size.paused_until;
}

void SyncChoice::took(bool together, std::size_t files, base::Duration duration, base::TimePoint now) noexcept {
    if (files < 2) return;
    OfSize& size = of_sizes_[size_of(files)];
    if (together) return size.took_together(duration, *size.file_ns * static_cast<double>(files), now);
    const double each = static_cast<double>(duration.count()) / static_cast<double>(files);
    size.file_ns = size.file_ns ? smoothed(*size.file_ns, each, newest_file) : each;
    size.measured = now;
    size.together_since_measured = 0;
}

void SyncChoice::OfSize::took_together(base::Duration duration, double files_ns, base::TimePoint now) noexcept {
    ++together_since_measured;
    if (++together_since_pause >= good_again_after) pause = pause_min;
    const auto ns = static_cast<double>(duration.count());
    ratio = smoothed(ratio, ns < files_ns * ratio_max ? ns / files_ns : ratio_max, newest_ratio);
    const base::Duration loss = duration - base::Duration(static_cast<base::Duration::rep>(files_ns));
    const bool much = loss > loss_max;
    if (!much && ratio <= 1) return;
    paused_until = now + (much ? std::max<base::Duration>(pause, loss * pause_per_loss) : pause);
    pause = std::min(2 * pause, pause_max);
    ratio = ratio_doubtful;
    together_since_pause = 0;
}

}  // namespace ottla::broker::log
