// SPDX-License-Identifier: Apache-2.0
// Disk: every file the broker touches goes through it, so that tests and the simulator can lose, tear and fail what
// a real disk loses, tears and fails. Plain and blocking: the serving path reaches it through LogIo only.
//
// Durability is POSIX's: written bytes are safe after File::sync(), a created, renamed or removed name after
// Disk::sync_directory() of its directory.
//
// Errors: storage_full (no room, or too many open files), locked, file_system (anything else); the sentence names the
// path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/protocol/chain.hpp>
#include <ottla/result.hpp>

namespace ottla::broker::log {

// An open file. Reads and syncs may run on any thread at any time; writes and truncations have one caller at a time.
// As a FileSource it can stand in a response: it stays readable until the last reference goes, even when removed.
class File : public protocol::FileSource {
public:
    virtual const std::string& path() const = 0;
    virtual Result<std::uint64_t> size() const = 0;
    // The pieces one after the other from `position` on. After an error any prefix of them may have been written.
    virtual Result<void> write_at(std::uint64_t position, std::span<const ByteSpan> pieces) = 0;
    // Cuts, or extends with zeros.
    virtual Result<void> truncate(std::uint64_t size) = 0;
    // Lets written bytes begin their way to the disk, so that sync() waits less; a hint. Says nothing about errors:
    // they are sync()'s to find.
    virtual void start_sync() const {}
    // All written bytes and the size are on stable storage afterwards. After an error nothing is known about them and
    // a second call proves nothing: take the directory offline.
    virtual Result<void> sync() = 0;

    Result<void> write_at(std::uint64_t position, ByteSpan bytes) { return write_at(position, {&bytes, 1}); }
    // All of `out`, or an error.
    Result<void> read_exactly(std::uint64_t position, std::span<std::uint8_t> out) const;
};

// Held until destroyed (or until the process ends).
class FileLock {
public:
    virtual ~FileLock() = default;
};

struct DirectoryEntry {
    std::string name;
    bool is_directory = false;
    friend bool operator==(const DirectoryEntry&, const DirectoryEntry&) = default;
};

// A whole file system, synced at once: what that takes depends on what is dirty there, whoever wrote it, not on the
// number of files.
class FileSystemSync {
public:
    virtual ~FileSystemSync() = default;
    // Whatever was written, created, renamed or removed on it before is on stable storage afterwards; `written` are the
    // caller's files among that. Blocks. An error, be it of a file of somebody else, is as one of File::sync().
    virtual Result<void> sync(std::span<const std::shared_ptr<File>> written) = 0;
};

// Paths are separated by '/'. Any thread may call.
class Disk {
public:
    virtual ~Disk() = default;

    virtual Result<bool> exists(const std::string& path) = 0;
    // An existing file, for reading and writing.
    virtual Result<std::shared_ptr<File>> open(const std::string& path) = 0;
    // A new empty file; what stood there under that name is emptied.
    virtual Result<std::shared_ptr<File>> create(const std::string& path) = 0;
    // Replaces what `to` named, atomically.
    virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    // A file or an empty directory. No error when there is none.
    virtual Result<void> remove(const std::string& path) = 0;
    // Sorted by name.
    virtual Result<std::vector<DirectoryEntry>> list(const std::string& directory) = 0;
    // With its parents. No error when it is there.
    virtual Result<void> make_directory(const std::string& path) = 0;
    virtual Result<void> sync_directory(const std::string& path) = 0;
    // Of the one that `directory` lies on, for one thread at a time; it is told of errors from now on. Null where that
    // cannot be relied on.
    virtual std::unique_ptr<FileSystemSync> file_system_sync(const std::string& directory) = 0;
    // One holder at a time, in all processes; the file is created and kept.
    virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
    // The same for all paths on one.
    virtual Result<std::uint64_t> file_system_of(const std::string& path) = 0;
    // Of the file system that `path` lies on: all of it, and what is left for us.
    virtual Result<std::uint64_t> total_bytes(const std::string& path) = 0;
    virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
};

std::string join_path(std::string_view directory, std::string_view name);
// "/a/b" of "/a/b/c"; "." when there is no slash.
std::string parent_path(std::string_view path);

// Reads and replaces small whole files: the replacement is written beside, synced and renamed, and is durable when
// this returns.
Result<std::string> read_text(Disk&, const std::string& path, std::size_t bytes_max = 16U << 20);
Result<void> replace_text(Disk&, const std::string& path, std::string_view text);
// Its steps, for who has several to replace: write beside; sync that; rename; sync the directory.
Result<std::shared_ptr<File>> write_beside(Disk&, const std::string& path, std::string_view text);
Result<void> replace_with_beside(Disk&, const std::string& path);
// With its parents, and all of their names durable. One that was there already, perhaps only just made, has its name
// synced as far as its parent may be read.
Result<void> make_durable_directory(Disk&, const std::string& path);
// A directory and everything in it.
Result<void> remove_tree(Disk&, const std::string& path);

}  // namespace ottla::broker::log
