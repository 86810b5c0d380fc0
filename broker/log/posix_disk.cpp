// SPDX-License-Identifier: Apache-2.0
#include "broker/log/posix_disk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fmt/core.h>

namespace ottla::broker::log {
namespace {

constexpr std::size_t pieces_per_call = 256;  // below IOV_MAX everywhere

Error failed(const char* doing, const std::string& path, int code = errno) {
    const bool full = code == ENOSPC || code == EDQUOT;
    return Error::of(full ? ErrorCode::storage_full : ErrorCode::file_system,
                     fmt::format("{} '{}': {}", doing, path, std::generic_category().message(code)));
}

// Calls again as long as a signal interrupts.
template <class Call>
auto retried(Call call) {
    decltype(call()) result;
    do {
        result = call();
    } while (result < 0 && errno == EINTR);
    return result;
}

class Descriptor {
public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }

private:
    int fd_;
};

class PosixFile final : public File {
public:
    PosixFile(std::string path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    const std::string& path() const override { return path_; }
    int native_handle() const noexcept override { return fd_.get(); }

    Result<std::size_t> read_at(std::uint64_t position, std::span<std::uint8_t> out) const override {
        std::size_t done = 0;
        while (done < out.size()) {
            const auto n = retried([&] {
                return ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(position + done));
            });
            if (n < 0) return failed("cannot read", path_);
            if (n == 0) break;
            done += static_cast<std::size_t>(n);
        }
        return done;
    }

    Result<std::uint64_t> size() const override {
        struct stat about {};
        if (::fstat(fd_.get(), &about) != 0) return failed("cannot stat", path_);
        return static_cast<std::uint64_t>(about.st_size);
    }

    Result<void> write_at(std::uint64_t position, std::span<const ByteSpan> pieces) override {
        std::array<iovec, pieces_per_call> parts;
        std::size_t skip = 0;  // bytes of pieces[0] that are written
        while (!pieces.empty()) {
            std::size_t count = 0;
            for (; count < std::min(pieces.size(), parts.size()); ++count) {
                const auto piece = count == 0 ? pieces[0].subspan(skip) : pieces[count];
                parts[count] = {const_cast<std::uint8_t*>(piece.data()), piece.size()};
            }
            const auto n = retried([&] {
                return ::pwritev(fd_.get(), parts.data(), static_cast<int>(count), static_cast<off_t>(position));
            });
            if (n < 0) return failed("cannot write", path_);
            position += static_cast<std::uint64_t>(n);
            auto left = static_cast<std::size_t>(n);
            while (!pieces.empty() && left >= pieces[0].size() - skip) {
                left -= pieces[0].size() - skip;
                pieces = pieces.subspan(1);
                skip = 0;
            }
            skip += left;
        }
        return ok();
    }
    using File::write_at;

    Result<void> truncate(std::uint64_t size) override {
        if (retried([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0) {
            return failed("cannot truncate", path_);
        }
        return ok();
    }

    Result<void> sync() override {
        // Not called again after EINTR either: what happened to the dirty pages is not known.
        if (::fdatasync(fd_.get()) != 0) return failed("cannot sync", path_);
        return ok();
    }

    void prefetch(std::uint64_t position, std::uint64_t length) const override {
        ::posix_fadvise(fd_.get(), static_cast<off_t>(position), static_cast<off_t>(length), POSIX_FADV_WILLNEED);
    }

private:
    std::string path_;
    Descriptor fd_;
};

class PosixLock final : public FileLock {
public:
    explicit PosixLock(Descriptor fd) : fd_(std::move(fd)) {}

private:
    Descriptor fd_;  // an open file description lock goes with its description
};

Result<std::shared_ptr<File>> open_file(const std::string& path, int flags) {
    const int fd = retried([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); });
    if (fd < 0) return failed("cannot open", path);
    return std::shared_ptr<File>(std::make_shared<PosixFile>(path, Descriptor(fd)));
}

}  // namespace

Result<bool> PosixDisk::exists(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return failed("cannot stat", path);
}

Result<std::shared_ptr<File>> PosixDisk::open(const std::string& path) {
    return open_file(path, access_ == Access::read_only ? O_RDONLY : O_RDWR);
}

Result<std::shared_ptr<File>> PosixDisk::create(const std::string& path) {
    return open_file(path, O_RDWR | O_CREAT | O_TRUNC);
}

Result<void> PosixDisk::rename(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("cannot rename", from);
    return ok();
}

Result<void> PosixDisk::remove(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return ok();
    if (errno != EISDIR && errno != EPERM) return failed("cannot remove", path);
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return ok();
    return failed("cannot remove", path);
}

Result<std::vector<DirectoryEntry>> PosixDisk::list(const std::string& directory) {
    DIR* opened = ::opendir(directory.c_str());
    if (!opened) return failed("cannot list", directory);
    const std::unique_ptr<DIR, int (*)(DIR*)> closer(opened, ::closedir);
    std::vector<DirectoryEntry> entries;
    errno = 0;
    while (const dirent* entry = ::readdir(opened)) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        bool is_directory = entry->d_type == DT_DIR;
        if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
            struct stat about {};
            is_directory = ::fstatat(::dirfd(opened), entry->d_name, &about, 0) == 0 && S_ISDIR(about.st_mode);
        }
        entries.push_back({std::string(name), is_directory});
        errno = 0;
    }
    if (errno != 0) return failed("cannot list", directory);
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
}

Result<void> PosixDisk::make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0) return ok();
    if (errno == ENOENT) {
        const std::string parent = parent_path(path);
        if (parent == path || parent == ".") return failed("cannot make directory", path);
        if (auto made = make_directory(parent); !made) return made;
        if (::mkdir(path.c_str(), 0755) == 0) return ok();
    }
    struct stat about {};
    if (errno == EEXIST && ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) return ok();
    return failed("cannot make directory", path);
}

Result<void> PosixDisk::sync_directory(const std::string& path) {
    const Descriptor fd(retried([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (fd.get() < 0) return failed("cannot open directory", path);
    if (::fsync(fd.get()) != 0) return failed("cannot sync directory", path);
    return ok();
}

Result<std::unique_ptr<FileLock>> PosixDisk::lock(const std::string& path) {
    Descriptor fd(retried([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644); }));
    if (fd.get() < 0) return failed("cannot open", path);
    // Of the open file description, so that two brokers in one process exclude each other; it also excludes the
    // record lock that Java's FileChannel.tryLock takes.
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) {
        if (errno != EAGAIN && errno != EACCES) return failed("cannot lock", path);
        return Error::of(ErrorCode::locked, fmt::format("'{}' is locked: another broker uses this directory", path));
    }
    return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(fd)));
}

Result<std::uint64_t> PosixDisk::total_bytes(const std::string& path) {
    struct statvfs about {};
    if (::statvfs(path.c_str(), &about) != 0) return failed("cannot stat", path);
    return static_cast<std::uint64_t>(about.f_blocks) * about.f_frsize;
}

Result<std::uint64_t> PosixDisk::free_bytes(const std::string& path) {
    struct statvfs about {};
    if (::statvfs(path.c_str(), &about) != 0) return failed("cannot stat", path);
    return static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
}

}  // namespace ottla::broker::log
