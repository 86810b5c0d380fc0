// SPDX-License-Identifier: Apache-2.0
#include "broker/log/segment.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/core.h>

#include "base/assert.hpp"
#include "broker/log/batch_walk.hpp"
#include "broker/log/transaction_index.hpp"

namespace ottla::broker::log {
namespace {

constexpr std::size_t name_digits = 20;

// "…42.index" beside "…42.log", and "…42.index.cleaned" beside "…42.log.cleaned".
std::string index_path(const File& log, std::string_view suffix) {
    std::string path = log.path();
    return path.replace(path.rfind(".log"), std::string_view(".log").size(), suffix);
}

template <class Entry>
struct FoundIndex {
    bool whole = false;  // there, and of a whole number of entries
    std::uint32_t count = 0;
    std::optional<Entry> last;
};

template <class Entry>
Result<FoundIndex<Entry>> whole_index(Disk& disk, const std::string& path) {
    FoundIndex<Entry> index;
    const auto there = disk.exists(path);
    if (!there) return there.error();
    if (!*there) return index;
    auto file = disk.open(path);
    if (!file) return file.error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    if (*size % Entry::size != 0 || *size / Entry::size > std::numeric_limits<std::int32_t>::max()) return index;
    index.whole = true;
    index.count = static_cast<std::uint32_t>(*size / Entry::size);
    if (index.count == 0) return index;
    std::array<std::uint8_t, Entry::size> bytes;
    if (auto read = (*file)->read_exactly(*size - Entry::size, bytes); !read) return read.error();
    index.last = Entry::read(bytes.data());
    return index;
}

}  // namespace

std::string segment_name(std::int64_t base_offset, std::string_view suffix) {
    return fmt::format("{:020}{}", base_offset, suffix);
}

std::optional<std::int64_t> parse_segment_name(std::string_view name, std::string_view suffix) {
    if (name.size() != name_digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
    std::int64_t offset = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name_digits, offset);
    if (error != std::errc{} || end != name.data() + name_digits || offset < 0) return std::nullopt;
    return offset;
}

Segment::Segment(std::shared_ptr<File> file, std::int64_t base_offset, std::uint32_t index_interval_bytes,
                 bool stale_indexes)
    : file_(std::move(file)),
      base_offset_(base_offset),
      next_offset_(base_offset),
      index_interval_bytes_(index_interval_bytes),
      offsets_(index_path(*file_, ".index"), stale_indexes),
      times_(index_path(*file_, ".timeindex"), stale_indexes) {}

Result<std::unique_ptr<Segment>> Segment::load(Disk& disk, std::shared_ptr<File> file, std::int64_t base_offset,
                                               std::uint32_t index_interval_bytes,
                                               std::optional<std::int64_t> next_base) {
    const auto size = file->size();
    if (!size) return size.error();
    const std::int64_t last_offset_max =
        next_base ? *next_base - 1 - base_offset : std::numeric_limits<std::int32_t>::max();
    const auto offsets = whole_index<OffsetIndexEntry>(disk, index_path(*file, ".index"));
    if (!offsets) return offsets.error();
    const auto times = whole_index<TimeIndexEntry>(disk, index_path(*file, ".timeindex"));
    if (!times) return times.error();
    const auto sane = [&](const auto& index) {
        return index.whole &&
               (!index.last || (index.last->last_offset >= 0 && index.last->last_offset <= last_offset_max));
    };
    if (!sane(*offsets) || !sane(*times)) return std::unique_ptr<Segment>();
    const std::uint64_t from = offsets->last ? static_cast<std::uint32_t>(offsets->last->position) : 0;
    if (offsets->last && (offsets->last->position <= 0 || from >= *size)) return std::unique_ptr<Segment>();

    auto segment = std::make_unique<Segment>(file, base_offset, index_interval_bytes);
    segment->offsets_ = {segment->offsets_.path(), offsets->count, offsets->last};
    segment->times_ = {segment->times_.path(), times->count, times->last};
    if (times->last) {
        segment->max_timestamp_ = times->last->timestamp;
        segment->max_timestamp_offset_ = base_offset + times->last->last_offset;
    }
    const std::string aborted = segment->transaction_index_path();
    const auto any_aborted = disk.exists(aborted);
    if (!any_aborted) return any_aborted.error();
    if (*any_aborted) {  // Looked into below, when the segment's end is known.
        auto opened = disk.open(aborted);
        if (!opened) return opened.error();
        segment->aborted_ = std::move(*opened);
    }
    // Batches without a time, or without records, leave no entries of times. It costs a walk over them to know.
    const bool timeless = offsets->last && !times->last;
    HeaderWalk walk(*file, timeless ? 0 : from, *size);
    bool indexed_found = !offsets->last;
    while (true) {
        auto at = walk.next();
        // Where the index points there is no batch, or the segment does not end where a batch does.
        if (!at && at.error() == ErrorCode::corrupt_storage) return std::unique_ptr<Segment>();
        if (!at) return at.error();
        if (!*at) break;
        const auto& header = (*at)->header;
        if (timeless && (*at)->position <= from && header.count != 0 && header.max_timestamp >= 0)
            return std::unique_ptr<Segment>();
        if (offsets->last && (*at)->position == from) {
            indexed_found = header.last_offset() == base_offset + offsets->last->last_offset;
            if (!indexed_found) return std::unique_ptr<Segment>();
        }
        if (!segment->may_hold(header)) {
            return Error::of(ErrorCode::corrupt_storage,
                             fmt::format("'{}' at {}: offset {} where {} is next", file->path(), (*at)->position,
                                         header.base_offset, segment->next_offset_));
        }
        segment->note(header);
    }
    if (!indexed_found) return std::unique_ptr<Segment>();
    if (from != 0) segment->first_timestamp_.reset();
    if (segment->aborted_) {
        const auto right = sane_transaction_index(*segment->aborted_, base_offset, segment->next_offset_);
        if (!right) return right.error();
        if (!*right) return std::unique_ptr<Segment>();
    }
    segment->size_ = *size;
    segment->bytes_since_entry_ = *size - from;
    return segment;
}

bool Segment::takes(const protocol::RecordBatchHeader& batch, std::uint64_t bytes_before,
                    std::uint64_t bytes_max) const noexcept {
    const std::uint64_t size = size_ + bytes_before;
    if (size == 0) return true;
    const std::uint64_t limit = std::min(bytes_max, bytes_limit);
    return size + batch.total_size() <= limit &&
           batch.last_offset() - base_offset_ <= std::numeric_limits<std::int32_t>::max();
}

bool Segment::indexes_full(std::uint32_t bytes_max) const noexcept {
    return offsets_.count() >= bytes_max / OffsetIndexEntry::size ||
           times_.count() + 1 >= bytes_max / TimeIndexEntry::size;
}

Result<std::int64_t> Segment::first_timestamp() {
    if (!first_timestamp_) {
        auto first = HeaderWalk(*file_, 0, size_).next();
        if (!first) return first.error();
        OTTLA_ASSERT(*first);
        first_timestamp_ = (*first)->header.max_timestamp;
    }
    return *first_timestamp_;
}

void Segment::note(const protocol::RecordBatchHeader& batch) {
    if (size_ == 0) first_timestamp_ = batch.max_timestamp;
    size_ += batch.total_size();
    next_offset_ = batch.next_offset();
    // That of a batch without records, which compaction left, nobody finds.
    if (batch.count != 0 && batch.max_timestamp > max_timestamp_) {
        max_timestamp_ = batch.max_timestamp;
        max_timestamp_offset_ = batch.last_offset();
    }
}

void Segment::add_time() {
    if (max_timestamp_ >= 0 && (!times_.last() || max_timestamp_ > times_.last()->timestamp))
        times_.append({max_timestamp_, relative(max_timestamp_offset_)});
}

void Segment::add(const protocol::RecordBatchHeader& batch) {
    OTTLA_ASSERT(batch.base_offset >= next_offset_);
    const bool indexed = bytes_since_entry_ > index_interval_bytes_;
    if (indexed) {
        offsets_.append({relative(batch.last_offset()), static_cast<std::int32_t>(size_)});
        bytes_since_entry_ = 0;
    }
    note(batch);
    if (indexed) add_time();
    bytes_since_entry_ += batch.total_size();
}

Result<void> Segment::cut(Disk& disk, const Mark& mark, std::int64_t next_offset) {
    auto done = offsets_.cut(disk, [&](const OffsetIndexEntry& entry) {
        return static_cast<std::uint32_t>(entry.position) < mark.position;
    });
    if (!done) return done;
    done =
        times_.cut(disk, [&](const TimeIndexEntry& entry) { return base_offset_ + entry.last_offset < next_offset; });
    if (!done) return done;
    bytes_since_entry_ = mark.position;
    if (offsets_.last()) bytes_since_entry_ -= static_cast<std::uint32_t>(offsets_.last()->position);
    size_ = mark.position;
    next_offset_ = next_offset;
    max_timestamp_ = mark.max_timestamp;
    max_timestamp_offset_ = mark.max_timestamp_offset;
    return ok();
}

Result<void> Segment::preallocate(std::uint64_t bytes) {
    preallocated_ = true;
    return file_->truncate(bytes);
}

Result<void> Segment::trim() {
    if (!std::exchange(preallocated_, false)) return ok();
    return file_->truncate(size_);
}

Result<void> Segment::flush_indexes(Disk& disk) {
    if (auto flushed = offsets_.flush(disk); !flushed) return flushed;
    return times_.flush(disk);
}

Result<std::vector<std::shared_ptr<File>>> Segment::close_indexes(Disk& disk) {
    add_time();
    const auto offsets = offsets_.close(disk);
    if (!offsets) return offsets.error();
    const auto times = times_.close(disk);
    if (!times) return times.error();
    std::vector<std::shared_ptr<File>> unsynced;
    for (const auto& file : {*offsets, *times}) {
        if (file) unsynced.push_back(file);
    }
    return unsynced;
}

Result<Segment::Mark> Segment::mark_before(Disk& disk, std::int64_t offset) const {
    const auto batch = offsets_.last(disk, ends_by(offset));
    if (!batch) return batch.error();
    Mark mark;
    if (!*batch) return mark;
    mark.position = static_cast<std::uint32_t>((*batch)->position);
    // At each entry of the one index there is one of the other, if the largest timestamp had risen.
    const auto time = times_.last(disk, ends_by(base_offset_ + (*batch)->last_offset));
    if (!time) return time.error();
    if (*time) {
        mark.max_timestamp = (*time)->timestamp;
        mark.max_timestamp_offset = base_offset_ + (*time)->last_offset;
    }
    return mark;
}

Result<Segment::Found> Segment::find(Disk& disk, std::int64_t offset) const {
    const auto near = mark_before(disk, offset);
    if (!near) return near.error();
    Found found{*near, std::nullopt};
    HeaderWalk walk(*file_, found.mark.position, size_);
    while (true) {
        auto at = walk.next();
        if (!at) return at.error();
        if (!*at) {
            found.mark.position = size_;
            return found;
        }
        const auto& header = (*at)->header;
        if (header.last_offset() >= offset) {
            found.mark.position = (*at)->position;
            found.header = header;
            return found;
        }
        if (header.count != 0 && header.max_timestamp > found.mark.max_timestamp) {
            found.mark.max_timestamp = header.max_timestamp;
            found.mark.max_timestamp_offset = header.last_offset();
        }
    }
}

std::optional<std::uint64_t> Segment::recent_position(std::int64_t offset) const noexcept {
    if (const auto recent = offsets_.last_recent(ends_by(offset))) return static_cast<std::uint32_t>(recent->position);
    if (offsets_.reaches_into_file()) return std::nullopt;
    return 0;
}

std::uint64_t Segment::recent_boundary(std::uint64_t position) const noexcept {
    const auto recent =
        offsets_.last_recent([&](const auto& entry) { return static_cast<std::uint32_t>(entry.position) <= position; });
    return recent ? static_cast<std::uint32_t>(recent->position) : 0;
}

std::string Segment::transaction_index_path() const { return index_path(*file_, transaction_index_suffix); }

Result<void> Segment::add_aborted(Disk& disk, const TransactionIndexEntry& entry) {
    if (!aborted_) {
        auto made = disk.create(transaction_index_path());
        if (!made) return made.error();
        aborted_ = std::move(*made);
    }
    return append_to_transaction_index(*aborted_, entry);
}

Result<void> Segment::forget_aborted(Disk& disk) {
    aborted_.reset();
    return disk.remove(transaction_index_path());
}

}  // namespace ottla::broker::log
