// SPDX-License-Identifier: Apache-2.0
#include "broker/server/open_file_limit.hpp"

#include <algorithm>

#include <sys/resource.h>

#include <fmt/format.h>

namespace ottla::broker {
namespace {

constexpr std::size_t low = 4096;
// More than so many are not worth their room in the kernel: a file is opened again within microseconds.
constexpr std::size_t log_files_most = 16384;

std::size_t log_files_open_max(std::size_t limit) noexcept { return std::min(limit / 2, log_files_most); }

// Standard streams, signals, the listener and some to spare; a loop's own (epoll, an event, a
// timer); a directory's lock, its file system, the file that is read or written.
constexpr std::size_t of_process = 16;
constexpr std::size_t of_loop = 4;
constexpr std::size_t of_directory = 3;

}  // namespace

Result<void> check_open_file_limit(std::size_t loops, std::size_t directories) {
    struct rlimit limit {};
    const std::size_t least = of_process + of_loop * loops + of_directory * directories;
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max >= least) return ok();
    return Error::of(ErrorCode::invalid_argument,
                     fmt::format("this process may have {} files open (ulimit -n); with {} threads and {} log "
                                 "directories it needs {}, one more for each connection, and is better off with {}",
                                 limit.rlim_max, loops, directories, least, low));
}

std::size_t raise_open_file_limit(const base::Log& messages) {
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return log_files_open_max(low);
    const auto before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
    if (limit.rlim_cur < low)
        messages.warn(
            "this process may have {} files open (ulimit -n), connections among them; a broker with many clients or "
            "partitions wants {} and more",
            limit.rlim_cur, low);
    return log_files_open_max(limit.rlim_cur);
}

}  // namespace ottla::broker
