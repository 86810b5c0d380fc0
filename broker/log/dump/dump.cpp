// SPDX-License-Identifier: Apache-2.0
#include "broker/log/dump/dump.hpp"

#include <fmt/format.h>

#include "broker/log/dump/file_name.hpp"

namespace ottla::broker::log::dump {

Dump::Dump(Disk& disk, DumpOptions options, TextSink lines, TextSink remarks)
    : disk_(disk),
      options_(std::move(options)),
      lines_(std::move(lines)),
      remarks_(std::move(remarks)) {
    if (options_.print_data) options_.deep_iteration = true;
}

Result<void> Dump::file(const std::string& path) {
    text_ = fmt::format("Dumping {}\n", path);
    flush();
    const auto suffix = suffix_of(path);
    Result<void> done = ok();
    if (suffix == ".log" || suffix == ".checkpoint")
        done = segment(path);
    else if (suffix == ".index")
        done = offset_index(path);
    else if (suffix == ".timeindex")
        done = time_index(path);
    else if (suffix == ".txnindex")
        done = transaction_index(path);
    else if (suffix == ".snapshot")
        done = producer_snapshot(path);
    else
        remarks_(fmt::format("Ignoring unknown file {}\n", path));
    // Up to where it can't be read any further.
    flush();
    return done;
}

std::string Dump::absolute(const std::string& path) const {
    if (path.starts_with('/') || options_.working_directory.empty()) return path;
    return join_path(options_.working_directory, path);
}

bool Dump::flush() {
    const bool more = text_.empty() || lines_(text_);
    text_.clear();
    return more;
}

}  // namespace ottla::broker::log::dump
