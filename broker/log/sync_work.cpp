// SPDX-License-Identifier: Apache-2.0
#include "broker/log/sync_work.hpp"

namespace ottla::broker::log {

void SyncWork::start() const {
    for (const auto& file : files) file->start_sync();
}

Result<void> SyncWork::run(Disk& disk) const {
    for (const auto& file : files) {
        if (auto synced = file->sync(); !synced) return synced;
    }
    if (checkpoint) {
        if (auto replaced = replace_text(disk, checkpoint->first, checkpoint->second); !replaced) return replaced;
    }
    for (const auto& directory : directories) {
        if (auto synced = disk.sync_directory(directory); !synced) return synced;
    }
    return ok();
}

}  // namespace ottla::broker::log
