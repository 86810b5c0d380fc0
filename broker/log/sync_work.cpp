// SPDX-License-Identifier: Apache-2.0
#include "broker/log/sync_work.hpp"

namespace ottla::broker::log {
namespace {

// A checkpoint waits until there is room. What a sync says, whatever it is, never counts as that.
Result<void> unless_full(const Error& error) { return error == ErrorCode::storage_full ? ok() : Result<void>(error); }

}  // namespace

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
    const auto beside = write_beside(disk, checkpoint->first, checkpoint->second);
    if (!beside) return unless_full(beside.error());
    if (auto synced = (*beside)->sync(); !synced) return synced;
    if (auto replaced = replace_with_beside(disk, checkpoint->first); !replaced) return unless_full(replaced.error());
    if (auto synced = disk.sync_directory(parent_path(checkpoint->first)); !synced) return synced;
    checkpoint.reset();
    return ok();
}

Result<void> run_together(std::span<SyncWork> works, Disk& disk, FileSystemSync& file_system) {
    std::vector<std::shared_ptr<File>> written;
    std::vector<SyncWork*> with_checkpoint;
    for (auto& work : works) {
        if (work.is_apart) {
            if (auto synced = work.run(disk); !synced) return synced;
            continue;
        }
        written.insert(written.end(), work.files.begin(), work.files.end());
        if (!work.checkpoint) continue;
        auto beside = write_beside(disk, work.checkpoint->first, work.checkpoint->second);
        if (beside) {
            written.push_back(std::move(*beside));
            with_checkpoint.push_back(&work);
        } else if (auto fatal = unless_full(beside.error()); !fatal) {
            return fatal;
        }
    }
    if (auto synced = file_system.sync(written); !synced) return synced;
    if (with_checkpoint.empty()) return ok();
    std::vector<SyncWork*> replaced;
    for (auto* const work : with_checkpoint) {
        if (auto done = replace_with_beside(disk, work->checkpoint->first)) {
            replaced.push_back(work);
        } else if (auto fatal = unless_full(done.error()); !fatal) {
            return fatal;
        }
    }
    if (auto synced = file_system.sync({}); !synced) return synced;
    for (auto* const work : replaced) work->checkpoint.reset();
    return ok();
}

}  // namespace ottla::broker::log
