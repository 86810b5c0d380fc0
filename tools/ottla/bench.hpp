// SPDX-License-Identifier: Apache-2.0
// What the benchmarks share: options, payloads, and what the process has used between two points.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/ottla/connection.hpp"

namespace ottla::tools {

struct BenchOptions {
    Connection connection;
    std::string topic = "bench";
    std::int64_t records = 1'000'000;
    std::size_t size = 100;
    std::string values;  // a file whose lines are the values; empty: random bytes
    std::int32_t partitions = 1;
    double rate = 10'000;
    bool is_spread = false;
    bool on_executor = false;
    bool spins = false;
    bool is_per_message = false;
};

void add_bench_options(CLI::App&, BenchOptions&);

// The values, in turn: the lines of the file, or random bytes, the same in every run and enough of them that a cache
// does not flatter. Throws UsageError for a file without lines.
std::vector<std::string> payloads(const BenchOptions&);

// By the clock that never goes back.
std::int64_t now_ns();
void wait_until_ns(std::int64_t due);
// " p50_us=… p99_us=… p999_us=…"; puts them in order.
std::string percentiles(std::vector<std::int64_t>& times_ns);

// Wall time and CPU of this process at one point.
struct Usage {
    static Usage now();
    double wall_s = 0;
    double cpu_s = 0;
};

struct BenchResult {
    const char* mode;
    std::int64_t records = 0;
    std::int64_t bytes = 0;
    std::int64_t errors = 0;
    Usage began;
    Usage ended;
};

// "RESULT mode=… n=… secs=… msgs_s=… mb_s=… cpu_s_per_M=… rss_mb=… err=…", without the end of the line.
std::string to_line(const BenchResult&);

}  // namespace ottla::tools
