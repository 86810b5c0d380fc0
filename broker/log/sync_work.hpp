// SPDX-License-Identifier: Apache-2.0
// SyncWork: what must be done so that a log is on stable storage up to a position. Taken from the log by its owner,
// run on any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ottla/result.hpp>
#include "broker/log/disk.hpp"
#include "broker/log/log_types.hpp"

namespace ottla::broker::log {

struct SyncWork {
    std::vector<std::shared_ptr<File>> files;  // in the order of the log
    std::vector<std::string> directories;      // whose names changed
    // leader-epoch-checkpoint, when it changed: path and text.
    std::optional<std::pair<std::string, std::string>> checkpoint;
    LogPosition up_to;

    bool empty() const noexcept { return files.empty() && directories.empty() && !checkpoint; }
    // Lets the files begin; worth it when other work is run before this one's turn comes.
    void start() const;
    // Blocks. After an error nothing may be counted as synced, ever.
    Result<void> run(Disk&) const;
};

}  // namespace ottla::broker::log
