// SPDX-License-Identifier: Apache-2.0
#include "broker/log/posix_disk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fmt/core.h>

namespace ottla::broker::log {
namespace {

constexpr std::size_t pieces_per_call = 256;  // below IOV_MAX everywhere

Error failed(const char* doing, const std::string& path, int code = errno) { return posix_error(doing, path, code); }

// Calls again as long as a signal interrupts.
template <class Call>
auto retried(Call call) {
    decltype(call()) result;
    do {
        result = call();
    } while (result < 0 && errno == EINTR);
    return result;
}

class PosixFile final : public File {
public:
    PosixFile(std::shared_ptr<OpenFiles> all, std::string path, int flags, OpenFiles::Handle handle)
        : path_(std::move(path)),
          all_(std::move(all)),
          open_(all_->add(path_, flags, std::move(handle))) {}

    const std::string& path() const override { return path_; }

    int native_handle() const noexcept override {
        const auto fd = open_->keep_open();
        return fd ? (*fd)->get() : -1;
    }

    Result<std::size_t> read_at(std::uint64_t position, std::span<std::uint8_t> out) const override {
        const auto fd = open_->handle();
        if (!fd) return fd.error();
        std::size_t done = 0;
        while (done < out.size()) {
            const auto n = retried([&] {
                return ::pread((*fd)->get(), out.data() + done, out.size() - done, static_cast<off_t>(position + done));
            });
            if (n < 0) return failed("cannot read", path_);
            if (n == 0) break;
            done += static_cast<std::size_t>(n);
        }
        return done;
    }

    Result<std::size_t> read_cached_at(std::uint64_t position, std::span<std::uint8_t> out) const override {
        const auto fd = open_->handle();
        if (!fd) return fd.error();
        const iovec into{out.data(), out.size()};
        const auto n =
            retried([&] { return ::preadv2((*fd)->get(), &into, 1, static_cast<off_t>(position), RWF_NOWAIT); });
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno == EAGAIN) return std::size_t{0};
        if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) return read_at(position, out);
        return failed("cannot read", path_);
    }

    Result<std::uint64_t> size() const override {
        const auto fd = open_->handle();
        if (!fd) return fd.error();
        struct stat about {};
        if (::fstat((*fd)->get(), &about) != 0) return failed("cannot stat", path_);
        return static_cast<std::uint64_t>(about.st_size);
    }

    Result<void> write_at(std::uint64_t position, std::span<const ByteSpan> pieces) override {
        const OpenFiles::Entry::Writing writing(*open_);
        const auto fd = open_->handle();
        if (!fd) return fd.error();
        std::array<iovec, pieces_per_call> parts;
        std::size_t skip = 0;  // bytes of pieces[0] that are written
        while (!pieces.empty()) {
            std::size_t count = 0;
            for (; count < std::min(pieces.size(), parts.size()); ++count) {
                const auto piece = count == 0 ? pieces[0].subspan(skip) : pieces[count];
                parts[count] = {const_cast<std::uint8_t*>(piece.data()), piece.size()};
            }
            const auto n = retried([&] {
                return ::pwritev((*fd)->get(), parts.data(), static_cast<int>(count), static_cast<off_t>(position));
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
        const OpenFiles::Entry::Writing writing(*open_);
        const auto fd = open_->handle();
        if (!fd) return fd.error();
        if (retried([&] { return ::ftruncate((*fd)->get(), static_cast<off_t>(size)); }) != 0)
            return failed("cannot truncate", path_);
        return ok();
    }

    Result<void> sync() override {
        const auto fd = open_->handle();
        if (!fd) return fd.error();
        if (const int code = open_->sync(**fd)) return failed("cannot sync", path_, code);
        return ok();
    }

    OpenFiles::Entry& open_file() const noexcept { return *open_; }

    void start_sync() const override {
        if (const auto fd = open_->handle()) open_->start_sync(**fd);
    }

private:
    std::string path_;
    std::shared_ptr<OpenFiles> all_;
    std::unique_ptr<OpenFiles::Entry> open_;
};

class PosixFileSystemSync final : public FileSystemSync {
public:
    PosixFileSystemSync(std::string directory, std::unique_ptr<const Descriptor> fd)
        : directory_(std::move(directory)),
          fd_(std::move(fd)) {}

    Result<void> sync(std::span<const std::shared_ptr<File>> written) override {
        std::vector<OpenFiles::Entry::Mark> marks;
        marks.reserve(written.size());
        for (const auto& file : written) {
            auto& entry = entry_of(*file);
            marks.push_back(entry.mark());
            // syncfs() would begin it, too, but keep to itself that there were no blocks for the bytes. Also where they
            // are not ours: a process that was killed may have left them.
            const auto fd = entry.handle();
            if (!fd) return fd.error();
            if (const int code = entry.start_sync(**fd)) return failed("cannot sync", file->path(), code);
        }
        // Not called again after EINTR either.
        if (::syncfs(fd_->get()) != 0) return failed("cannot sync the file system of", directory_);
        if (auto checked = check(written); !checked) return checked;
        for (std::size_t i = 0; i < written.size(); ++i) entry_of(*written[i]).synced(marks[i]);
        return ok();
    }

private:
    // A file's own sync says what syncfs() does not: that the journal has given up, or the device is gone, and nothing
    // was written at all; and empties the device's cache, should syncfs() have seen no need.
    Result<void> check(std::span<const std::shared_ptr<File>> written) {
        if (!written.empty()) return written.back()->sync();
        if (::fsync(fd_->get()) != 0) return failed("cannot sync directory", directory_);
        return ok();
    }
    static OpenFiles::Entry& entry_of(const File& file) { return static_cast<const PosixFile&>(file).open_file(); }

    std::string directory_;
    std::unique_ptr<const Descriptor> fd_;  // remembers which errors it has told
};

// Before 5.8 syncfs() told no errors of data, before 5.17 none of the journal.
bool syncfs_tells_errors() {
    struct utsname about {};
    int major = 0, minor = 0;
    if (::uname(&about) != 0 || std::sscanf(about.release, "%d.%d", &major, &minor) != 2) return false;
    return major > 5 || (major == 5 && minor >= 17);
}

class PosixLock final : public FileLock {
public:
    explicit PosixLock(std::unique_ptr<const Descriptor> fd) : fd_(std::move(fd)) {}

private:
    std::unique_ptr<const Descriptor> fd_;  // an open file description lock goes with its description
};

// Once more when there are too many open files and some are only kept for later.
int open_descriptor(OpenFiles& all, const std::string& path, int flags) {
    while (true) {
        const int fd = retried([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); });
        if (fd >= 0 || errno != EMFILE || !all.close_one()) return fd;
    }
}

Result<std::shared_ptr<File>> open_file(const std::shared_ptr<OpenFiles>& all, const std::string& path, int flags,
                                        int more_flags = 0) {
    const int fd = open_descriptor(*all, path, flags | more_flags);
    if (fd < 0) return all->error("cannot open", path, errno);
    return std::shared_ptr<File>(std::make_shared<PosixFile>(all, path, flags, std::make_shared<const Descriptor>(fd)));
}

int remove_name(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return 0;
    if (errno != EISDIR && errno != EPERM) return errno;
    return ::rmdir(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

}  // namespace

Result<bool> PosixDisk::exists(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return failed("cannot stat", path);
}

Result<std::shared_ptr<File>> PosixDisk::open(const std::string& path) {
    return open_file(open_files_, path, access_ == Access::read_only ? O_RDONLY : O_RDWR);
}

Result<std::shared_ptr<File>> PosixDisk::create(const std::string& path) {
    return open_file(open_files_, path, O_RDWR, O_CREAT | O_TRUNC);
}

Result<void> PosixDisk::rename(const std::string& from, const std::string& to) {
    const int code = open_files_->rename(from, to, [&] { return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno; });
    if (code != 0) return failed("cannot rename", from, code);
    return ok();
}

Result<void> PosixDisk::remove(const std::string& path) {
    const int code = open_files_->remove(path, [&] { return remove_name(path); });
    if (code != 0) return failed("cannot remove", path, code);
    return ok();
}

Result<std::vector<DirectoryEntry>> PosixDisk::list(const std::string& directory) {
    DIR* opened = nullptr;
    while (!(opened = ::opendir(directory.c_str())) && errno == EMFILE && open_files_->close_one()) {
    }
    if (!opened) return open_files_->error("cannot list", directory, errno);
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
    const Descriptor fd(open_descriptor(*open_files_, path, O_RDONLY | O_DIRECTORY));
    if (fd.get() < 0) return open_files_->error("cannot open directory", path, errno);
    if (::fsync(fd.get()) != 0) return failed("cannot sync directory", path);
    return ok();
}

std::unique_ptr<FileSystemSync> PosixDisk::file_system_sync(const std::string& directory) {
    static const bool tells_errors = syncfs_tells_errors();
    if (!tells_errors) return nullptr;
    auto fd = std::make_unique<const Descriptor>(open_descriptor(*open_files_, directory, O_RDONLY | O_DIRECTORY));
    struct statfs about {};
    if (fd->get() < 0 || ::fstatfs(fd->get(), &about) != 0) return nullptr;
    if (about.f_type != EXT4_SUPER_MAGIC && about.f_type != XFS_SUPER_MAGIC) return nullptr;
    return std::make_unique<PosixFileSystemSync>(directory, std::move(fd));
}

Result<std::unique_ptr<FileLock>> PosixDisk::lock(const std::string& path) {
    auto fd = std::make_unique<const Descriptor>(open_descriptor(*open_files_, path, O_RDWR | O_CREAT));
    if (fd->get() < 0) return open_files_->error("cannot open", path, errno);
    // Of the open file description, so that two brokers in one process exclude each other; it also excludes the
    // record lock that Java's FileChannel.tryLock takes.
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd->get(), F_OFD_SETLK, &whole) != 0) {
        if (errno != EAGAIN && errno != EACCES) return failed("cannot lock", path);
        return Error::of(ErrorCode::locked, fmt::format("'{}' is locked: another broker uses this directory", path));
    }
    return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(fd)));
}

Result<std::uint64_t> PosixDisk::file_system_of(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) return failed("cannot stat", path);
    return static_cast<std::uint64_t>(about.st_dev);
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
