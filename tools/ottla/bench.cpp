// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/bench.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>

#include <sys/resource.h>
#include <time.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/random.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

void add_bench_options(CLI::App& app, BenchOptions& to) {
    add_connection(app, to.connection);
    app.add_option("--topic", to.topic, "The topic; it must exist")->capture_default_str();
    app.add_option("--records", to.records, "How many records are timed")
        ->check(whole_number(1, 10'000'000'000))
        ->capture_default_str();
    // 64 values of the largest size are kept at once.
    app.add_option("--size", to.size, "Bytes of a value")->check(whole_number(0, 10'000'000))->capture_default_str();
    app.add_option("--values", to.values,
                   "A file whose lines are the values, in turn; without it they are random bytes");
    app.add_option("--partitions", to.partitions, "Partitions 0 to N-1 are used in turn")
        ->check(whole_number(1, 1'000'000))
        ->capture_default_str();
}

namespace {

std::vector<std::string> random_payloads(std::size_t size) {
    constexpr std::size_t total_bytes = 4 << 20;
    base::Random random(7);
    std::vector<std::string> payloads(std::clamp<std::size_t>(total_bytes / std::max<std::size_t>(size, 1), 64, 16384));
    for (std::string& payload : payloads) {
        payload.resize(size);
        for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
            const std::uint64_t word = random.next();
            std::memcpy(payload.data() + at, &word, std::min(sizeof word, size - at));
        }
    }
    return payloads;
}

}  // namespace

std::vector<std::string> payloads(const BenchOptions& options) {
    if (options.values.empty()) return random_payloads(options.size);
    std::ifstream file(options.values);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(std::move(line));
    if (lines.empty()) throw UsageError(fmt::format("--values: no line can be read from '{}'", options.values));
    return lines;
}

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

void wait_until_ns(std::int64_t due) {
    const timespec at{due / 1'000'000'000, due % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

std::string percentiles(std::vector<std::int64_t>& times_ns) {
    std::sort(times_ns.begin(), times_ns.end());
    const auto at_us = [&](double p) {
        const auto at = static_cast<std::size_t>(p * static_cast<double>(times_ns.size()));
        return times_ns.empty() ? 0.0 : static_cast<double>(times_ns[std::min(at, times_ns.size() - 1)]) / 1e3;
    };
    return fmt::format(" p50_us={:.1f} p99_us={:.1f} p999_us={:.1f}", at_us(0.5), at_us(0.99), at_us(0.999));
}

Usage Usage::now() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now().time_since_epoch();
    return {wall.count(), seconds(used.ru_utime) + seconds(used.ru_stime)};
}

std::string to_line(const BenchResult& result) {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto n = static_cast<double>(result.records);
    const double seconds = std::max(result.ended.wall_s - result.began.wall_s, 1e-9);
    const double cpu = result.ended.cpu_s - result.began.cpu_s;
    return fmt::format(
        "RESULT mode={} n={} secs={:.4f} msgs_s={:.0f} mb_s={:.2f} cpu_s_per_M={:.4f} rss_mb={:.1f} err={}",
        result.mode, result.records, seconds, n / seconds, static_cast<double>(result.bytes) / seconds / 1e6,
        result.records == 0 ? 0.0 : cpu / n * 1e6, static_cast<double>(used.ru_maxrss) / 1024, result.errors);
}

}  // namespace ottla::tools
