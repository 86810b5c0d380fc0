// SPDX-License-Identifier: Apache-2.0
// The real disk. One that is read only opens files of others, too, and leaves no trace.
#pragma once

#include <cstddef>
#include <memory>

#include "broker/log/disk.hpp"
#include "broker/log/open_files.hpp"

namespace ottla::broker::log {

class PosixDisk final : public Disk {
public:
    enum class Access : std::uint8_t { read_write, read_only };
    static constexpr std::size_t open_files_default = 512;

    // About so many of its files are open at the same time, however many there are; more where they have bytes that are
    // not synced.
    explicit PosixDisk(Access access = Access::read_write, std::size_t open_files_max = open_files_default)
        : access_(access),
          open_files_(std::make_shared<OpenFiles>(open_files_max)) {}

    // Of its files; those in use for a moment apart.
    std::size_t open_files() const { return open_files_->count(); }

    Result<bool> exists(const std::string& path) override;
    Result<std::shared_ptr<File>> open(const std::string& path) override;
    Result<std::shared_ptr<File>> create(const std::string& path) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
    Result<void> make_directory(const std::string& path) override;
    Result<void> sync_directory(const std::string& path) override;
    // On ext4 and XFS, with Linux 5.17: docs/decisions/008-a-group-is-synced-with-its-file-system.md.
    std::unique_ptr<FileSystemSync> file_system_sync(const std::string& directory) override;
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
    Result<std::uint64_t> file_system_of(const std::string& path) override;
    Result<std::uint64_t> total_bytes(const std::string& path) override;
    Result<std::uint64_t> free_bytes(const std::string& path) override;

private:
    Access access_;
    std::shared_ptr<OpenFiles> open_files_;  // the files refer to it
};

}  // namespace ottla::broker::log
