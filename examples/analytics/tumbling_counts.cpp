// SPDX-License-Identifier: Apache-2.0
#include "tumbling_counts.hpp"

#include <algorithm>

namespace analytics {

std::vector<std::pair<std::string, std::int64_t>> top(const Counts& counts, std::size_t n) {
    std::vector<std::pair<std::string, std::int64_t>> most(counts.begin(), counts.end());
    std::ranges::stable_sort(most, [](const auto& a, const auto& b) { return a.second > b.second; });
    if (most.size() > n) most.resize(n);
    return most;
}

TumblingCounts::TumblingCounts(std::int64_t window_ms, std::int64_t lateness_ms, std::size_t partitions)
    : window_ms_(window_ms),
      lateness_ms_(lateness_ms),
      partitions_(partitions) {}

TumblingCounts::Taken TumblingCounts::add(std::size_t partition, std::int64_t offset, std::int64_t time_ms,
                                          std::string_view name) {
    auto& p = partitions_[partition];
    p.next_offset = offset + 1;
    p.is_idle = false;
    p.latest_ms = std::max(p.latest_ms.value_or(time_ms), time_ms);
    const auto start = time_ms - time_ms % window_ms_;
    if (time_ms < 0 || start < closed_before_ms_) return Taken::too_late;
    auto& window = windows_[start];
    window.first_offsets.resize(partitions_.size(), -1);
    if (window.first_offsets[partition] < 0) window.first_offsets[partition] = offset;
    auto count = window.counts.find(name);
    if (count == window.counts.end()) count = window.counts.emplace(name, 0).first;
    ++count->second;
    ++window.total;
    return window.told > 0 ? Taken::counted_late : Taken::counted;
}

std::optional<std::int64_t> TumblingCounts::watermark() {
    std::optional<std::int64_t> least, most;
    for (const auto& p : partitions_) {
        if (!p.is_idle && !p.latest_ms) return watermark_;
        if (!p.latest_ms) continue;
        most = std::max(most.value_or(*p.latest_ms), *p.latest_ms);
        if (!p.is_idle) least = std::min(least.value_or(*p.latest_ms), *p.latest_ms);
    }
    // With all of them idle there is nobody to wait for.
    if (const auto now = least ? least : most) watermark_ = std::max(watermark_.value_or(*now), *now);
    return watermark_;
}

WindowResult TumblingCounts::result_of(std::int64_t start_ms, const Window& window) {
    return {start_ms, window.counts, window.total, window.told > 0};
}

std::vector<WindowResult> TumblingCounts::take_results() {
    std::vector<WindowResult> results;
    const auto now = watermark();
    if (!now) return results;
    for (auto at = windows_.begin(); at != windows_.end() && at->first + window_ms_ <= *now;) {
        auto& [start, window] = *at;
        if (window.told != window.total) results.push_back(result_of(start, window));
        window.told = window.total;
        at = start + window_ms_ + lateness_ms_ <= *now ? windows_.erase(at) : std::next(at);
    }
    // Also those that had nothing.
    const auto is_over = *now - window_ms_ - lateness_ms_;
    if (is_over >= 0) closed_before_ms_ = std::max(closed_before_ms_, is_over - is_over % window_ms_ + window_ms_);
    return results;
}

std::optional<WindowResult> TumblingCounts::latest() const {
    if (windows_.empty()) return std::nullopt;
    return result_of(windows_.rbegin()->first, windows_.rbegin()->second);
}

std::int64_t TumblingCounts::offset_to_commit(std::size_t partition) const {
    auto offset = partitions_[partition].next_offset;
    for (const auto& [start, window] : windows_)
        if (const auto first = window.first_offsets[partition]; first >= 0) offset = std::min(offset, first);
    return offset;
}

}  // namespace analytics
