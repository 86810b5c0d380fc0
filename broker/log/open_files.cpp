// SPDX-License-Identifier: Apache-2.0
#include "broker/log/open_files.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/core.h>

namespace ottla::broker::log {

Descriptor::~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
}

Error posix_error(const char* doing, const std::string& path, int code) {
    // Without a descriptor nothing was done yet, and it may go well later, as with a full disk.
    const bool no_room = code == ENOSPC || code == EDQUOT || code == EMFILE || code == ENFILE;
    std::string text = fmt::format("{} '{}': {}", doing, path, std::generic_category().message(code));
    if (code == EROFS)
        text += "; the kernel makes a file system so when its disk fails: see dmesg, mount it for writing, start again";
    return Error::of(no_room ? ErrorCode::storage_full : ErrorCode::file_system, std::move(text));
}

Error OpenFiles::error(const char* doing, const std::string& path, int code) const {
    if (code != EMFILE) return posix_error(doing, path, code);
    const std::lock_guard lock(mutex_);
    return too_many(doing, path);
}

// All of the process's descriptors are in use: those that are not of files here are of connections, mostly.
Error OpenFiles::too_many(const char* doing, const std::string& path) const {
    const Error error = posix_error(doing, path, EMFILE);
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return error;
    const std::size_t in_use = limit.rlim_cur;
    const std::size_t held = std::min(open_.size(), in_use);
    const std::size_t others = in_use - held;
    return Error::of(error.code(),
                     fmt::format("{}; this process may have {} files open (ulimit -n): {} are of logs, {} are "
                                 "connections and others; with all {} files of logs open it needs {}",
                                 error.text(), in_use, held, others, by_path_.size(), by_path_.size() + others + 1));
}

bool OpenFiles::ByPath::operator()(const Entry* a, const Entry* b) const noexcept { return a->path_ < b->path_; }
bool OpenFiles::ByPath::operator()(const Entry* a, std::string_view b) const noexcept { return a->path_ < b; }
bool OpenFiles::ByPath::operator()(std::string_view a, const Entry* b) const noexcept { return a < b->path_; }

std::unique_ptr<OpenFiles::Entry> OpenFiles::add(std::string path, int flags, Handle handle) {
    auto entry = std::make_unique<Entry>(*this, std::move(path), flags);
    const std::lock_guard lock(mutex_);
    by_path_.insert(entry.get());
    make_room();
    take(*entry, std::move(handle));
    return entry;
}

std::size_t OpenFiles::count() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
}

bool OpenFiles::close_one() {
    const std::lock_guard lock(mutex_);
    return close_least_used() || sync_and_close_one();
}

Result<OpenFiles::Handle> OpenFiles::Entry::handle() {
    used_.store(true, std::memory_order_relaxed);
    {
        const std::lock_guard lock(mutex_);
        if (handle_) return handle_;
    }
    return all_.open_again(*this);
}

Result<OpenFiles::Handle> OpenFiles::open_again(Entry& entry) {
    const std::lock_guard lock(mutex_);
    {
        const std::lock_guard own(entry.mutex_);
        if (entry.handle_) return entry.handle_;
    }
    if (entry.removed_) return posix_error("cannot open again", entry.path_, ENOENT);
    make_room();
    int fd = -1;
    do {
        fd = ::open(entry.path_.c_str(), entry.flags_ | O_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || (errno == EMFILE && (close_least_used() || sync_and_close_one()))));
    if (fd < 0 && errno == EMFILE) return too_many("cannot open again", entry.path_);
    if (fd < 0) return posix_error("cannot open again", entry.path_, errno);
    auto handle = std::make_shared<const Descriptor>(fd);
    take(entry, handle);
    return handle;
}

void OpenFiles::take(Entry& entry, Handle handle) {
    entry.at_ = open_.insert(open_.end(), &entry);
    const std::lock_guard own(entry.mutex_);
    entry.handle_ = std::move(handle);
}

void OpenFiles::make_room() {
    while (open_.size() >= count_max_ && close_least_used()) {
    }
    if (open_.size() >= count_most()) sync_and_close_one();
}

// Who was used since it was last looked at goes behind the others once. Only so many are looked at: all of them may be
// needed, and then there are some more for a while.
bool OpenFiles::close_least_used() {
    constexpr std::size_t looked_at_max = 64;
    for (std::size_t left = std::min(2 * open_.size(), looked_at_max); left > 0; --left) {
        Entry& entry = *open_.front();
        Handle closing;  // outlives the lock
        const std::lock_guard own(entry.mutex_);
        if (!entry.is_unsynced() && !entry.kept_.load() && !entry.used_.exchange(false)) {
            closing = std::exchange(entry.handle_, nullptr);
            open_.pop_front();
            return true;
        }
        open_.splice(open_.end(), open_, open_.begin());
    }
    return false;
}

int OpenFiles::Entry::sync(const Descriptor& fd) {
    const std::lock_guard lock(sync_mutex_);
    return sync_alone(fd);
}

int OpenFiles::Entry::start_sync(const Descriptor& fd) {
    const std::lock_guard lock(sync_mutex_);
    if (failed_sync_ != 0) return failed_sync_;
    if (::sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE) == 0) return 0;
    // Where there is no such call, nothing has begun.
    if (errno != ENOSYS && errno != EPERM && errno != EINVAL && errno != ESPIPE) failed_sync_ = errno;
    return failed_sync_;
}

int OpenFiles::Entry::sync_alone(const Descriptor& fd) {
    if (failed_sync_ != 0) return failed_sync_;
    const Mark before = mark();
    // Not called again after EINTR either: what happened to the dirty pages is not known.
    if (::fdatasync(fd.get()) != 0) return failed_sync_ = errno;
    synced(before);
    return 0;
}

bool OpenFiles::sync_and_close_one() {
    for (std::size_t left = std::min<std::size_t>(open_.size(), 2); left > 0; --left) {
        Entry& entry = *open_.front();
        open_.splice(open_.end(), open_, open_.begin());
        Handle closing;
        const std::lock_guard own(entry.mutex_);
        const std::unique_lock sync(entry.sync_mutex_, std::try_to_lock);
        if (entry.kept_.load() || !sync) continue;
        if (entry.sync_alone(*entry.handle_) != 0) {
            entry.kept_.store(true);
            continue;
        }
        if (entry.is_unsynced()) continue;  // written to meanwhile
        closing = std::exchange(entry.handle_, nullptr);
        open_.pop_back();
        return true;
    }
    return false;
}

void OpenFiles::gone(Entry& entry) {
    const std::lock_guard lock(mutex_);
    if (entry.removed_) return;
    const auto [first, last] = by_path_.equal_range(std::string_view(entry.path_));
    by_path_.erase(std::find(first, last, &entry));
    const std::lock_guard own(entry.mutex_);
    if (entry.handle_) open_.erase(entry.at_);
}

// What reads it goes on reading it, whatever is done to its name.
void OpenFiles::keep_open(std::string_view path) {
    const auto [first, last] = by_path_.equal_range(path);
    for (auto at = first; at != last; ++at) {
        Entry& entry = **at;
        const std::lock_guard own(entry.mutex_);
        if (entry.handle_) continue;
        const int fd = ::open(entry.path_.c_str(), entry.flags_ | O_CLOEXEC);
        if (fd < 0) continue;  // who still reads it will be told
        entry.handle_ = std::make_shared<const Descriptor>(fd);
        entry.at_ = open_.insert(open_.end(), &entry);
    }
}

void OpenFiles::forget(std::string_view path) {
    const auto [first, last] = by_path_.equal_range(path);
    for (auto at = first; at != last; ++at) {
        Entry& entry = **at;
        entry.removed_ = true;
        const std::lock_guard own(entry.mutex_);
        if (entry.handle_) open_.erase(entry.at_);
    }
    by_path_.erase(first, last);
}

void OpenFiles::renamed(const std::string& from, const std::string& to) {
    std::vector<Entry*> moved;
    const auto collect = [&](auto first, auto last) {
        moved.insert(moved.end(), first, last);
        by_path_.erase(first, last);
    };
    const auto [first, last] = by_path_.equal_range(std::string_view(from));
    collect(first, last);
    // '0' follows '/'.
    collect(by_path_.lower_bound(std::string_view(from + '/')), by_path_.lower_bound(std::string_view(from + '0')));
    for (Entry* entry : moved) {
        entry->path_.replace(0, from.size(), to);
        by_path_.insert(entry);
    }
}

}  // namespace ottla::broker::log
