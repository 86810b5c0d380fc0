// SPDX-License-Identifier: Apache-2.0
// Retired: the files of segments that a log has given up. They are called `.deleted` until nobody can be reading them
// any more; a stop in between leaves that to the next start.
#pragma once

#include <string>
#include <vector>

#include <ottla/result.hpp>
#include "broker/log/disk.hpp"

namespace ottla::broker::log {

struct Retired {
    std::vector<std::string> files;
    std::size_t segments = 0;
    std::uint64_t bytes = 0;  // of records in them

    bool empty() const noexcept { return files.empty(); }
    // Blocks; any thread. No error when they are gone, as after the removal of the whole partition.
    Result<void> remove(Disk&) const;
};

// The segment's files under their new names. Those that are not there are passed over.
Result<void> retire_segment_files(Disk&, const std::string& directory, std::int64_t base_offset, Retired& into);

}  // namespace ottla::broker::log
