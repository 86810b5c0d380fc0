// SPDX-License-Identifier: Apache-2.0
// IndexFile: the entries of one index, oldest first, in a file that grows at its end. The newest stay in memory, where
// most questions are answered, and are written some at a time; older ones are read from the file by IndexSearch, on
// any thread. The file is opened when it is needed and made with its first entry: an index costs a small log nothing.
//
// A lost index costs time, never records: what is not in the file is found by reading batches.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ottla/result.hpp>
#include "broker/log/disk.hpp"
#include "broker/log/index_entries.hpp"

namespace ottla::broker::log {

// The entries of a file, by number. A search reads some of them and no more.
template <class Entry>
class IndexSearch {
public:
    IndexSearch() = default;
    // Of the file's entries, the first `count`.
    IndexSearch(Disk& disk, std::string path, std::uint32_t count)
        : disk_(&disk),
          path_(std::move(path)),
          count_(count) {}

    struct Found {
        std::uint32_t number = 0;
        Entry entry;
    };
    std::uint32_t count() const noexcept { return count_; }
    // The last entry for which `before` holds, given that it holds for all up to it. Blocks.
    template <class Before>
    Result<std::optional<Found>> last_where(Before before) const {
        std::optional<Found> found;
        if (count_ == 0) return found;
        auto file = disk_->open(path_);
        if (!file) return file.error();
        for (std::uint32_t low = 0, high = count_; low < high;) {
            const std::uint32_t middle = low + (high - low) / 2;
            std::array<std::uint8_t, Entry::size> bytes;
            if (auto read = (*file)->read_exactly(std::uint64_t{middle} * Entry::size, bytes); !read)
                return read.error();
            const Entry entry = Entry::read(bytes.data());
            if (before(entry)) {
                found = Found{middle, entry};
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return found;
    }

private:
    Disk* disk_ = nullptr;
    std::string path_;
    std::uint32_t count_ = 0;
};

template <class Entry>
class IndexFile {
public:
    // So many wait in memory before they are written, and so many stay there.
    static constexpr std::size_t kept = 256;

    // Without entries. `stale`: what stands in the file under this name does not count.
    explicit IndexFile(std::string path, bool stale = false) : path_(std::move(path)), must_cut_(stale) {}
    // The first `count` entries stand in the file; `last` is the last of them.
    IndexFile(std::string path, std::uint32_t count, std::optional<Entry> last)
        : path_(std::move(path)),
          written_(count),
          last_(last),
          there_(true) {}

    const std::string& path() const noexcept { return path_; }
    const std::optional<Entry>& last() const noexcept { return last_; }
    std::uint32_t count() const noexcept { return first_kept() + static_cast<std::uint32_t>(recent_.size()); }

    void append(const Entry& entry) {
        recent_.push_back(entry);
        last_ = entry;
    }
    bool wants_flush() const noexcept { return recent_.size() - written_of_recent_ >= kept; }

    // Writes what is only in memory, if there is something; the file's name and bytes are not synced.
    Result<void> flush(Disk& disk) {
        if (written_of_recent_ == recent_.size() && !must_cut_) return ok();
        const auto file = open(disk);
        if (!file) return file.error();
        return write(**file);
    }
    // The same when nothing more is expected, and the file is there even without entries. It comes back when it wants a
    // sync, as its directory does then; else null.
    Result<std::shared_ptr<File>> close(Disk& disk) {
        if (written_of_recent_ == recent_.size() && !must_cut_ && there_ && !unsynced_) return std::shared_ptr<File>();
        auto file = open(disk);
        if (!file) return file;
        if (auto written = write(**file); !written) return written.error();
        unsynced_ = false;
        return file;
    }

    // The last entry in memory for which `before` holds; nothing when the answer may lie in the file.
    template <class Before>
    std::optional<Entry> last_recent(Before before) const {
        const auto end = std::partition_point(recent_.begin(), recent_.end(), before);
        if (end == recent_.begin()) return std::nullopt;
        return *std::prev(end);
    }
    // Whether there are entries that are not in memory.
    bool reaches_into_file() const noexcept { return first_kept() != 0; }
    // The last of all entries for which it holds. Blocks when the answer lies in the file.
    template <class Before>
    Result<std::optional<Entry>> last(Disk& disk, Before before) const {
        std::optional<Entry> found = last_recent(before);
        if (found || !reaches_into_file()) return found;
        const auto in_file = search(disk).last_where(before);
        if (!in_file) return in_file.error();
        if (*in_file) found = (*in_file)->entry;
        return found;
    }
    IndexSearch<Entry> search(Disk& disk) const { return {disk, path_, written_}; }

    // Forgets the entries from the first on for which `stays` does not hold. Blocks when that lies in the file.
    template <class Stays>
    Result<void> cut(Disk& disk, Stays stays) {
        const auto end = std::partition_point(recent_.begin(), recent_.end(), stays);
        if (end != recent_.begin() || !reaches_into_file()) {
            const auto left = static_cast<std::size_t>(end - recent_.begin());
            const std::uint32_t count_left = first_kept() + static_cast<std::uint32_t>(left);
            if (count_left < written_) {
                must_cut_ = true;
                written_ = count_left;
            }
            recent_.erase(end, recent_.end());
            written_of_recent_ = std::min(written_of_recent_, left);
            last_ = recent_.empty() ? std::nullopt : std::optional(recent_.back());
            return ok();
        }
        // All in memory goes, and some of the file with it.
        const auto found = IndexSearch<Entry>(disk, path_, first_kept()).last_where(stays);
        if (!found) return found.error();
        recent_.clear();
        written_of_recent_ = 0;
        written_ = *found ? (*found)->number + 1 : 0;
        must_cut_ = true;
        last_ = *found ? std::optional((*found)->entry) : std::nullopt;
        return ok();
    }

private:
    std::uint32_t first_kept() const noexcept { return written_ - static_cast<std::uint32_t>(written_of_recent_); }
    Result<std::shared_ptr<File>> open(Disk& disk) {
        if (!there_) {
            const auto exists = disk.exists(path_);
            if (!exists) return exists.error();
            there_ = *exists;
        }
        auto file = there_ ? disk.open(path_) : disk.create(path_);
        if (!file) return file;
        there_ = unsynced_ = true;
        return file;
    }
    Result<void> write(File& file) {
        if (must_cut_) {
            if (auto cut = file.truncate(std::uint64_t{written_} * Entry::size); !cut) return cut;
            must_cut_ = false;
        }
        std::vector<std::uint8_t> bytes((recent_.size() - written_of_recent_) * Entry::size);
        for (std::size_t i = written_of_recent_; i < recent_.size(); ++i)
            recent_[i].write(bytes.data() + (i - written_of_recent_) * Entry::size);
        if (!bytes.empty()) {
            auto written = file.write_at(std::uint64_t{written_} * Entry::size, ByteSpan(bytes));
            if (!written) return written;
        }
        written_ = count();
        if (recent_.size() > kept) recent_.erase(recent_.begin(), recent_.end() - static_cast<std::ptrdiff_t>(kept));
        written_of_recent_ = recent_.size();
        return ok();
    }

    std::string path_;
    std::uint32_t written_ = 0;          // entries in the file
    std::vector<Entry> recent_;          // the newest
    std::size_t written_of_recent_ = 0;  // so many of them, the first, are in the file
    std::optional<Entry> last_;
    bool there_ = false;     // the file is known to exist
    bool unsynced_ = false;  // it was opened for writing since close()
    bool must_cut_ = false;  // it holds more than `written_`
};

}  // namespace ottla::broker::log
