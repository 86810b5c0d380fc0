// SPDX-License-Identifier: Apache-2.0
// Windows of event time: when they are told, what late events change, and what is too late; and random streams against
// a count by hand, also when another takes over in the middle.
#include "examples/analytics/tumbling_counts.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "examples/analytics/screen.hpp"

namespace analytics {
namespace {

class Stream {
public:
    Stream(std::int64_t window_ms, std::int64_t lateness_ms, std::size_t partitions)
        : counts_(window_ms, lateness_ms, partitions),
          next_(partitions) {}
    // "c" counted, "l" late, "x" too late.
    std::string add(std::size_t partition, std::int64_t time_ms, std::string_view name = "a") {
        return std::string(1, "clx"[static_cast<int>(counts_.add(partition, next_[partition]++, time_ms, name))]);
    }
    // A line each; "(c)" behind a correction.
    std::string told() {
        std::string text;
        for (const auto& r : counts_.take_results())
            text += (text.empty() ? "" : "\n") + line_of(r, 3) + (r.is_correction ? " (c)" : "");
        return text;
    }
    TumblingCounts& counts() { return counts_; }

private:
    TumblingCounts counts_;
    std::vector<std::int64_t> next_;
};

TEST(TumblingCounts, a_window_is_told_when_its_end_has_passed) {
    Stream s(10, 0, 1);
    EXPECT_EQ(s.add(0, 3, "a") + s.add(0, 9, "b") + s.add(0, 5, "b"), "ccc") << "order within does not matter";
    EXPECT_EQ(s.told(), "");
    EXPECT_EQ(s.add(0, 10), "c");
    EXPECT_EQ(s.told(), "0: 3 of 2: b 2, a 1");
    EXPECT_EQ(s.told(), "") << "once";
    EXPECT_EQ(s.add(0, 47, "c"), "c");
    EXPECT_EQ(s.told(), "10: 1 of 1: a 1") << "windows with nothing are not told";
}

TEST(TumblingCounts, late_events_correct_until_the_lateness_is_over) {
    Stream s(10, 20, 1);
    s.add(0, 1, "a");
    s.add(0, 12, "a");
    EXPECT_EQ(s.told(), "0: 1 of 1: a 1");
    EXPECT_EQ(s.add(0, 2, "b"), "l");
    EXPECT_EQ(s.told(), "0: 2 of 2: a 1, b 1 (c)");
    s.add(0, 29, "a");
    EXPECT_EQ(s.told(), "10: 1 of 1: a 1");
    EXPECT_EQ(s.add(0, 9, "b"), "l");
    s.add(0, 30, "a");
    EXPECT_EQ(s.told(), "0: 3 of 2: b 2, a 1 (c)\n20: 1 of 1: a 1") << "before it is closed";
    EXPECT_EQ(s.add(0, 9, "b"), "x");
    EXPECT_EQ(s.add(0, 10, "b"), "l");
    EXPECT_EQ(s.told(), "10: 2 of 2: a 1, b 1 (c)");
    EXPECT_EQ(s.counts().closed_before_ms(), 10);
}

TEST(TumblingCounts, time_goes_on_when_the_slowest_partition_says_so) {
    Stream s(10, 0, 2);
    s.add(0, 5);
    s.add(0, 99);
    EXPECT_EQ(s.told(), "") << "partition 1 has told nothing";
    s.add(1, 7);
    EXPECT_EQ(s.told(), "");
    s.add(1, 12);
    EXPECT_EQ(s.told(), "0: 2 of 1: a 2");
    s.counts().is_idle(1);
    EXPECT_EQ(s.told(), "10: 1 of 1: a 1");
    EXPECT_EQ(s.add(1, 98), "c") << "it is back";
    s.add(0, 500);
    EXPECT_EQ(s.counts().watermark(), 99) << "it never goes back, and waits again";
    s.counts().is_idle(0);
    s.counts().is_idle(1);
    EXPECT_EQ(s.counts().watermark(), 500) << "nobody is waited for";
}

TEST(TumblingCounts, a_time_that_is_none_is_left_out) {
    Stream s(10, 0, 1);
    EXPECT_EQ(s.add(0, -1), "x");
    EXPECT_EQ(s.told(), "");
}

TEST(TumblingCounts, what_is_committed_is_where_the_open_windows_begin) {
    TumblingCounts counts(10, 10, 2);
    EXPECT_EQ(counts.offset_to_commit(0), -1);
    counts.add(0, 100, 5, "a");
    counts.add(0, 101, 15, "a");
    counts.add(0, 102, 6, "a");
    counts.add(1, 7, 31, "a");
    EXPECT_EQ(counts.offset_to_commit(0), 100);
    counts.add(0, 103, 20, "a");
    counts.take_results();
    EXPECT_EQ(counts.offset_to_commit(0), 101) << "the window of 100 and 102 is closed";
    EXPECT_EQ(counts.closed_before_ms(), 10);
    EXPECT_EQ(counts.offset_to_commit(1), 7);
}

TEST(TumblingCounts, the_top_is_in_order) {
    EXPECT_EQ(line_of({5, {{"b", 2}, {"a", 2}, {"c", 9}, {"d", 1}}, 14, false}, 3), "5: 14 of 4: c 9, a 2, b 2");
}

// Random streams of several partitions, somewhat out of order. Every now and then we die, and the next one goes on from
// the last commit.
class RandomStream {
public:
    explicit RandomStream(std::uint64_t seed) : random_(seed), log_(1 + random_.below(3)) {
        for (auto& partition : log_) {
            std::int64_t time = 0;
            for (auto n = 50 + random_.below(200); n > 0; --n) {
                time += random_.between(0, 6);
                const auto late = random_.chance(0.3) ? random_.between(0, lateness_ms) : 0;
                partition.push_back({std::max<std::int64_t>(time - late, 0),
                                     std::string(1, static_cast<char>('a' + random_.below(4)))});
            }
            partition.push_back({1'000'000, "end"});
        }
    }

    // With this lateness nothing is too late, so that the last that is told of each window is all there is.
    void run() {
        std::map<std::int64_t, Counts> expected;
        for (const auto& partition : log_)
            for (const auto& event : partition)
                if (event.name != "end") ++expected[event.time_ms - event.time_ms % window_ms][event.name];
        std::vector<std::int64_t> committed(log_.size(), 0);
        std::int64_t closed_before = 0;
        while (!live(committed, closed_before)) {
        }
        EXPECT_EQ(told_, expected);
    }

private:
    static constexpr std::int64_t window_ms = 20, lateness_ms = 45;
    struct Event {
        std::int64_t time_ms;
        std::string name;
    };

    // True: it came to the end.
    bool live(std::vector<std::int64_t>& committed, std::int64_t& closed_before) {
        TumblingCounts counts(window_ms, lateness_ms, log_.size());
        counts.begin(closed_before);
        auto next = committed;
        for (;;) {
            if (random_.chance(0.005)) return false;
            std::vector<std::size_t> left;
            for (std::size_t p = 0; p < log_.size(); ++p)
                if (next[p] < static_cast<std::int64_t>(log_[p].size())) left.push_back(p);
            if (!left.empty()) {
                const auto p = left[random_.below(left.size())];
                const auto& event = log_[p][static_cast<std::size_t>(next[p])];
                counts.add(p, next[p]++, event.time_ms, event.name);
            }
            for (const auto& r : counts.take_results()) told_[r.start_ms] = r.counts;
            if (left.empty()) return true;
            if (!random_.chance(0.1)) continue;
            for (std::size_t p = 0; p < log_.size(); ++p)
                if (const auto offset = counts.offset_to_commit(p); offset >= 0) committed[p] = offset;
            closed_before = counts.closed_before_ms();
        }
    }

    ottla::base::Random random_;
    std::vector<std::vector<Event>> log_;
    std::map<std::int64_t, Counts> told_;
};

TEST(TumblingCounts, random_streams_are_counted_whoever_dies) {
    for (std::uint64_t seed = 1; seed <= 200 && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        RandomStream(seed).run();
    }
}

}  // namespace
}  // namespace analytics
