// SPDX-License-Identifier: Apache-2.0
#include "broker/log/sync_work.hpp"

namespace ottla::broker::log {

void SyncWork::start() const {
    for (const auto& file : files) file->start_sync();
}

Result<void> SyncWork::run(Disk& disk) {
    for (const auto& file : files) {
        if (auto synced = file->sync(); !synced) return synced;
    }
    for (const auto& directory : directories) {
        if (auto synced = disk.sync_directory(directory); !synced) return synced;
    }
    if (!checkpoint) return ok();
    auto replaced = replace_text(disk, checkpoint->first, checkpoint->second);
    if (!replaced) return replaced.error() == ErrorCode::storage_full ? ok() : replaced;
    checkpoint.reset();
    return ok();
}

Result<void> run_together(std::span<SyncWork> works, Disk& disk, FileSystemSync& file_system) {
    std::vector<std::shared_ptr<File>> written;
    std::vector<SyncWork*> with_checkpoint;
    for (auto& work : works) {
        written.insert(written.end(), work.files.begin(), work.files.end());
        if (!work.checkpoint) continue;
        auto beside = write_beside(disk, work.checkpoint->first, work.checkpoint->second);
        if (beside) {
            written.push_back(std::move(*beside));
            with_checkpoint.push_back(&work);
        } else if (beside.error() != ErrorCode::storage_full) {
            return beside.error();
        }
    }
    if (auto synced = file_system.sync(written); !synced) return synced;
    if (with_checkpoint.empty()) return ok();
    for (auto* const work : with_checkpoint) {
        if (auto replaced = replace_with_beside(disk, work->checkpoint->first); !replaced) return replaced;
        work->checkpoint.reset();
    }
    return file_system.sync({});
}

}  // namespace ottla::broker::log
