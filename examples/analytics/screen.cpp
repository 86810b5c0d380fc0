// SPDX-License-Identifier: Apache-2.0
#include "screen.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace analytics {
namespace {

constexpr std::int64_t bar_max = 40;
constexpr const char* clear_screen = "\x1b[H\x1b[2J";

std::string clock_of(std::int64_t time_ms) {
    const auto seconds = static_cast<std::time_t>(time_ms / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[16];
    std::strftime(text, sizeof text, "%H:%M:%S", &parts);
    return text;
}

}  // namespace

std::string line_of(const WindowResult& result, std::size_t top_n) {
    auto text = std::to_string(result.start_ms) + ": " + std::to_string(result.total) + " of " +
                std::to_string(result.counts.size()) + ": ";
    const char* between = "";
    for (const auto& [name, count] : top(result.counts, top_n)) {
        text += between + name + " " + std::to_string(count);
        between = ", ";
    }
    return text;
}

void Screen::told(const WindowResult& result) {
    if (!is_terminal_) {
        std::printf("%s%s\n", line_of(result, top_n_).c_str(), result.is_correction ? " (corrected)" : "");
        std::fflush(stdout);
    } else if (result.start_ms >= last_.start_ms) {
        last_ = result;
    }
}

void Screen::draw(const char* title, const WindowResult& result) const {
    std::printf("%s %s UTC, %lld events\n", title, clock_of(result.start_ms).c_str(),
                static_cast<long long>(result.total));
    const auto most = top(result.counts, top_n_);
    for (const auto& [name, count] : most) {
        const auto length = static_cast<int>(bar_max * count / std::max<std::int64_t>(most.front().second, 1));
        std::printf("  %-20.20s %8lld %.*s\n", name.c_str(), static_cast<long long>(count), length,
                    "########################################");
    }
}

void Screen::show(const TumblingCounts& counts, const Tally& tally) {
    if (!is_terminal_) return;
    std::fputs(clear_screen, stdout);
    if (const auto now = counts.latest()) draw("now, since", *now);
    if (last_.total > 0) draw("\nbefore, from", last_);
    std::printf("\n%lld counted, %lld of them late, %lld too late\n", static_cast<long long>(tally.counted),
                static_cast<long long>(tally.late), static_cast<long long>(tally.too_late));
    std::fflush(stdout);
}

}  // namespace analytics
