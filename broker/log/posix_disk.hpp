// SPDX-License-Identifier: Apache-2.0
// The real disk. One that is read only opens files of others, too, and leaves no trace.
#pragma once

#include "broker/log/disk.hpp"

namespace ottla::broker::log {

class PosixDisk final : public Disk {
public:
    enum class Access : std::uint8_t { read_write, read_only };
    explicit PosixDisk(Access access = Access::read_write) noexcept : access_(access) {}

    Result<bool> exists(const std::string& path) override;
    Result<std::shared_ptr<File>> open(const std::string& path) override;
    Result<std::shared_ptr<File>> create(const std::string& path) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
    Result<void> make_directory(const std::string& path) override;
    Result<void> sync_directory(const std::string& path) override;
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
    Result<std::uint64_t> total_bytes(const std::string& path) override;
    Result<std::uint64_t> free_bytes(const std::string& path) override;

private:
    Access access_;
};

}  // namespace ottla::broker::log
