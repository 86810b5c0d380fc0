// SPDX-License-Identifier: Apache-2.0
// SyncWork: what must be done so that a log is on stable storage up to a position. Taken from the log by its owner,
// run on any thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ottla/result.hpp>
#include "broker/log/disk.hpp"
#include "broker/log/log_types.hpp"

namespace ottla::broker::log {

struct SyncWork {
    std::vector<std::shared_ptr<File>> files;  // in the order of the log
    std::vector<std::string> directories;      // whose names changed
    // leader-epoch-checkpoint, when it changed: path and text. Gone once that is written; without room for it, it
    // stays.
    std::optional<std::pair<std::string, std::string>> checkpoint;
    LogPosition up_to;
    bool is_apart = false;  // on another file system than its log directory

    bool empty() const noexcept { return files.empty() && directories.empty() && !checkpoint; }
    // Lets the files begin; worth it when other work is run before this one's turn comes.
    void start() const;
    // Blocks. After an error nothing may be counted as synced, ever.
    Result<void> run(Disk&);
};

// All of them, by one sync of their file system, or two where there are checkpoints; those that lie elsewhere by
// themselves. Blocks; an error is of all of them.
Result<void> run_together(std::span<SyncWork>, Disk&, FileSystemSync&);

}  // namespace ottla::broker::log
