// SPDX-License-Identifier: Apache-2.0
// OpenFiles: how many files of a disk have a descriptor. A log of many segments would need as many descriptors, and
// most segments are read rarely: beyond a limit the ones that were not used for longest lose theirs, and get a new one
// by their path when they are used again. So it knows which path each file has now: what is renamed is found again, and
// what is removed keeps its descriptor until nobody holds it.
//
// A file with bytes that are not synced keeps its descriptor: an error of the kernel writing them could get lost with
// it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include <ottla/result.hpp>

namespace ottla::broker::log {

class Descriptor {
public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor();
    int get() const noexcept { return fd_; }

private:
    int fd_;
};

// "doing 'path': why". storage_full also when there are too many open files.
Error posix_error(const char* doing, const std::string& path, int code);

// Any thread may call.
class OpenFiles {
public:
    class Entry;
    using Handle = std::shared_ptr<const Descriptor>;

    explicit OpenFiles(std::size_t count_max) : count_max_(count_max) {}

    // Of a new one, open at `path`; `flags` open it again. `this` must outlive it.
    std::unique_ptr<Entry> add(std::string path, int flags, Handle);
    // Descriptors that are held here.
    std::size_t count() const;
    // posix_error(), and the limit and how many are needed where there are too many open files.
    Error error(const char* doing, const std::string& path, int code) const;
    // Gives up one, if there is one to give up: for whoever met the process's limit.
    bool close_one();

    // The file, or what lies in the directory, has another name now; `change` does it, and gives 0 when it is done.
    // What `to` named before is removed with it.
    template <class Change>
    int rename(const std::string& from, const std::string& to, Change change) {
        const std::lock_guard lock(mutex_);
        keep_open(to);
        const int done = change();
        if (done != 0) return done;
        forget(to);
        renamed(from, to);
        return 0;
    }
    template <class Change>
    int remove(const std::string& path, Change change) {
        const std::lock_guard lock(mutex_);
        keep_open(path);
        const int done = change();
        if (done == 0) forget(path);
        return done;
    }

private:
    struct ByPath {
        using is_transparent = void;
        bool operator()(const Entry* a, const Entry* b) const noexcept;
        bool operator()(const Entry* a, std::string_view b) const noexcept;
        bool operator()(std::string_view a, const Entry* b) const noexcept;
    };

    Error too_many(const char* doing, const std::string& path) const;
    Result<Handle> open_again(Entry&);
    void take(Entry&, Handle);
    void make_room();
    bool close_least_used();
    bool sync_and_close_one();
    void gone(Entry&);
    void keep_open(std::string_view path);
    void forget(std::string_view path);
    void renamed(const std::string& from, const std::string& to);

    // With those that are not synced.
    std::size_t count_most() const noexcept { return count_max_ + count_max_ / 2; }

    std::size_t count_max_;
    mutable std::mutex mutex_;  // taken before an entry's
    std::list<Entry*> open_;    // that may be closed; those used least recently are near the front
    std::multiset<Entry*, ByPath> by_path_;
};

// A file's share of it, and its descriptor.
class OpenFiles::Entry {
public:
    Entry(OpenFiles& all, std::string path, int flags) : all_(all), path_(std::move(path)), flags_(flags) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { all_.gone(*this); }

    // Stays open while it is held. Blocks when the file must be opened.
    Result<Handle> handle();
    // The same, and it is never closed before the file is: for who takes the number.
    Result<Handle> keep_open() {
        kept_.store(true);
        return handle();
    }
    // While it lives somebody writes: begins before the descriptor is asked for.
    class Writing {
    public:
        explicit Writing(Entry& entry) noexcept : entry_(entry) { ++entry_.writes_begun_; }
        Writing(const Writing&) = delete;
        Writing& operator=(const Writing&) = delete;
        ~Writing() { ++entry_.writes_ended_; }

    private:
        Entry& entry_;
    };
    // fdatasync: 0, or what went wrong, which then goes for every later call. Blocks; one at a time, since the kernel
    // tells an error to one caller only.
    int sync(const Descriptor&);
    // Something was, or is being, written since the last sync began.
    bool is_unsynced() const noexcept { return writes_begun_.load() != writes_synced_.load(); }
    // How much had been written at a time.
    struct Mark {
        std::uint64_t begun = 0;
        std::uint64_t ended = 0;
    };
    Mark mark() const noexcept {
        // In this order: equal, and no write is under way.
        const std::uint64_t ended = writes_ended_.load();
        return {writes_begun_.load(), ended};
    }
    // What was written before the mark was taken has been synced.
    void synced(const Mark& mark) noexcept {
        if (mark.begun == mark.ended && mark.begun > writes_synced_.load()) writes_synced_.store(mark.begun);
    }
    // Lets the kernel begin to write. What it says now it does not say again: it goes for every later sync.
    int start_sync(const Descriptor&);

private:
    friend class OpenFiles;
    // Under sync_mutex_.
    int sync_alone(const Descriptor&);

    OpenFiles& all_;
    // Guarded by the mutex of all.
    std::string path_;
    int flags_;
    bool removed_ = false;  // no path leads to it
    std::list<Entry*>::iterator at_;
    // Guarded by this.
    std::mutex mutex_;
    Handle handle_;

    std::atomic<bool> used_ = true;  // since it was last considered for closing
    std::atomic<bool> kept_ = false;
    std::atomic<std::uint64_t> writes_begun_ = 0;
    std::atomic<std::uint64_t> writes_ended_ = 0;
    std::atomic<std::uint64_t> writes_synced_ = 0;
    std::mutex sync_mutex_;  // taken last
    int failed_sync_ = 0;    // guarded by it
};

}  // namespace ottla::broker::log
