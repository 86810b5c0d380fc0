// SPDX-License-Identifier: Apache-2.0
// TumblingCounts: how often each name came in windows of equal length, by the time at which it happened and not by
// the time at which it is read. Pure: facts in, results out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace analytics {

using Counts = std::map<std::string, std::int64_t, std::less<>>;

// Of a window whose end the watermark has passed.
struct WindowResult {
    std::int64_t start_ms = 0;
    Counts counts;
    std::int64_t total = 0;
    // It was told before, and late events have changed it.
    bool is_correction = false;
};

// The most frequent first; of equal ones in the order of their names.
std::vector<std::pair<std::string, std::int64_t>> top(const Counts&, std::size_t n);

class TumblingCounts {
public:
    // A window counts late events until the watermark is `lateness_ms` behind its end.
    TumblingCounts(std::int64_t window_ms, std::int64_t lateness_ms, std::size_t partitions);

    // Windows that were closed before we began: what comes of them is too late.
    void begin(std::int64_t closed_before_ms) { closed_before_ms_ = closed_before_ms; }
    enum class Taken : std::uint8_t { counted, counted_late, too_late };
    Taken add(std::size_t partition, std::int64_t offset, std::int64_t time_ms, std::string_view name);
    // Nothing has come of it for a while, and nothing is there: the others do not wait for it.
    void is_idle(std::size_t partition) { partitions_[partition].is_idle = true; }

    // No event before this is expected any more: the latest time of the partition that is furthest behind, of those
    // that are not idle. It never goes back. Nothing: a partition that is not idle has told no time yet.
    std::optional<std::int64_t> watermark();
    // What is to be told now, in the order of time. Windows whose lateness is over are closed and forgotten.
    std::vector<WindowResult> take_results();
    // The latest window that has anything, as it is so far.
    std::optional<WindowResult> latest() const;

    // For who reads on after us: all records of windows that are not closed stand here or behind,
    std::int64_t offset_to_commit(std::size_t partition) const;
    // and these windows are closed.
    std::int64_t closed_before_ms() const noexcept { return closed_before_ms_; }

private:
    struct Window {
        Counts counts;
        std::int64_t total = 0;
        std::int64_t told = 0;                    // its total then; 0: never
        std::vector<std::int64_t> first_offsets;  // by partition; -1: none
    };
    struct Partition {
        std::optional<std::int64_t> latest_ms;
        std::int64_t next_offset = -1;
        bool is_idle = false;
    };

    static WindowResult result_of(std::int64_t start_ms, const Window&);

    const std::int64_t window_ms_;
    const std::int64_t lateness_ms_;
    std::vector<Partition> partitions_;
    std::map<std::int64_t, Window> windows_;  // by their start; none that is closed
    std::optional<std::int64_t> watermark_;
    std::int64_t closed_before_ms_ = 0;
};

}  // namespace analytics
