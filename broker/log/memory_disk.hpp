// SPDX-License-Identifier: Apache-2.0
// MemoryDisk: a disk in memory, for tests, the simulator and `--memory`. It knows what has been synced, so that
// crash() can lose the rest: every unsynced 512-byte sector of a file by itself, and the unsynced names of a
// directory from some point on (a journal keeps their order). Faults are scripted.
#pragma once

#include <functional>
#include <optional>

#include "base/random.hpp"
#include "broker/log/disk.hpp"

namespace ottla::broker::log {

class MemoryDisk final : public Disk {
public:
    enum class Kind : std::uint8_t {
        read,
        write,
        truncate,
        sync,
        create,
        rename,
        remove,
        make_directory,
        sync_directory,
        sync_file_system
    };
    struct Operation {
        Kind kind;
        const std::string& path;
        std::uint64_t bytes;  // of a read or write
    };
    enum class Fault : std::uint8_t {
        none,
        fail,  // an input/output error, nothing done
        full,  // no space, nothing done
        torn,  // of a write: part of it is done, then an input/output error
        torn_full,
        read_only,  // the file system is, nothing done
    };
    // Asked before each operation; must not call the disk.
    using Script = std::function<Fault(const Operation&)>;

    MemoryDisk();
    ~MemoryDisk() override;

    Result<bool> exists(const std::string& path) override;
    Result<std::shared_ptr<File>> open(const std::string& path) override;
    Result<std::shared_ptr<File>> create(const std::string& path) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
    Result<void> make_directory(const std::string& path) override;
    Result<void> sync_directory(const std::string& path) override;
    std::unique_ptr<FileSystemSync> file_system_sync(const std::string& directory) override;
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
    Result<std::uint64_t> file_system_of(const std::string& path) override;
    Result<std::uint64_t> total_bytes(const std::string& path) override;
    Result<std::uint64_t> free_bytes(const std::string& path) override;

    void set_script(Script);
    // The nth operation (1 is the next) of this kind meets the fault, the others go well.
    void fail_nth(Kind, std::uint64_t nth, Fault = Fault::fail);
    // Writes that need more fail with storage_full.
    void set_capacity(std::uint64_t bytes);
    // The directory becomes another file system, with what is in it.
    void mount(const std::string& path);
    // Whether it can sync all of a file system at once; it can.
    void set_syncs_at_once(bool);
    // Operations that change anything, so far.
    std::uint64_t changes() const;
    // The machine stops: after so many more changes everything fails, until crash() or restart().
    void stop_after(std::uint64_t more_changes);

    // The power goes: unsynced data and names are lost or torn as `random` decides; open files and locks are dead.
    void crash(base::Random& random);
    // Only the process goes: nothing is lost; open files and locks are dead.
    void restart();

private:
    struct State;
    class OpenFile;
    class Lock;
    class WholeSync;
    std::shared_ptr<State> state_;
};

}  // namespace ottla::broker::log
