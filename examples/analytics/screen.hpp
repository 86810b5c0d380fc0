// SPDX-License-Identifier: Apache-2.0
// Screen: results as they come. In a terminal one picture that changes in place; elsewhere a line each, for programs
// and tests to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tumbling_counts.hpp"

namespace analytics {

struct Tally {
    std::int64_t counted = 0;
    std::int64_t late = 0;      // of these, those that corrected a result
    std::int64_t too_late = 0;  // left out
};

// "1700000000000: 7 of 3: /home 4, /cart 2": start, events, names, and the most frequent.
std::string line_of(const WindowResult&, std::size_t top_n);

class Screen {
public:
    Screen(bool is_terminal, std::size_t top_n) : is_terminal_(is_terminal), top_n_(top_n) {}

    void told(const WindowResult&);
    // What is counted just now; a terminal alone shows it.
    void show(const TumblingCounts&, const Tally&);

private:
    void draw(const char* title, const WindowResult&) const;

    const bool is_terminal_;
    const std::size_t top_n_;
    WindowResult last_;
};

}  // namespace analytics
