// SPDX-License-Identifier: Apache-2.0
#include "broker/log/read_plan.hpp"

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include <ottla/protocol/compression.hpp>
#include <ottla/protocol/record_batch.hpp>
#include "broker/log/batch_walk.hpp"
#include "broker/log/transaction_index.hpp"

namespace ottla::broker::log {
namespace {

constexpr std::size_t decompressed_bytes_max = 256U << 20;

// The first record in a batch with a timestamp of at least `timestamp`; opens the batch when it must.
Result<std::optional<TimestampOffset>> first_record_at(const File& file, const BatchAt& at, std::int64_t timestamp,
                                                       std::int64_t start_offset) {
    std::vector<std::uint8_t> bytes(at.header.total_size());
    if (auto read = file.read_exactly(at.position, bytes); !read) return read.error();
    auto view = protocol::RecordBatchView::parse(bytes);
    if (!view || !view->check_crc()) {
        return Error::of(ErrorCode::corrupt_storage, fmt::format("'{}' at {}: a damaged record batch at offset {}",
                                                                 file.path(), at.position, at.header.base_offset));
    }
    protocol::Decompressor decompressor;
    Buffer space;
    auto records = view->records(decompressor, decompressed_bytes_max, space);
    if (!records) return records.error();
    for (protocol::RecordView record; records->next(record);) {
        if (record.timestamp >= timestamp && record.offset >= start_offset) {
            return std::optional(TimestampOffset{record.timestamp, record.offset, at.header.leader_epoch});
        }
    }
    return std::optional<TimestampOffset>();
}

// The last entry for which `before` holds. An index that cannot be read, since its segment is being removed, say, or
// that points behind what may be seen, only means that more batches are walked over.
template <class Before>
OffsetIndexEntry entry_by(const IndexSearch<OffsetIndexEntry>& index, std::uint64_t limit, Before before) {
    const auto found = index.last_where(before);
    if (!found || !*found || static_cast<std::uint32_t>((*found)->entry.position) >= limit) return {};
    return (*found)->entry;
}

template <class Before>
std::uint64_t position_by(const IndexSearch<OffsetIndexEntry>& index, std::uint64_t limit, Before before) {
    return static_cast<std::uint32_t>(entry_by(index, limit, before).position);
}

}  // namespace

std::size_t ReadPlan::bytes_at_most() const noexcept {
    return std::min<std::size_t>(bytes_max, limit - std::min(search_from, limit));
}

void ReadPlan::limit_bytes(std::size_t bytes) noexcept {
    if (bytes >= bytes_max) return;
    bytes_max = bytes;
    boundary = 0;
}

Result<LogSlice> ReadPlan::run() const {
    auto found = slice();
    if (!found || found->range.length == 0 || aborted_in.empty()) return found;
    if (auto added = add_aborted(*found); !added) return added.error();
    return found;
}

Result<LogSlice> ReadPlan::run_checked() const {
    auto found = run();
    if (!found || found->range.length == 0) return found;
    const std::uint64_t begin = found->range.position, end = begin + found->range.length;
    CheckedWalk walk(*file, begin, limit);
    std::uint64_t good_to = begin;
    BatchAt last;
    bool is_last_sure = true;  // slice() has looked at the first
    while (walk.position() < end) {
        BatchAt at;
        at.position = walk.position();
        const auto batch = walk.next();
        const auto cut = [&](const Error& why) -> Result<LogSlice> {
            if (good_to == begin) return why;
            found->range.length = good_to - begin;
            return found;
        };
        if (!batch) return cut(batch.error());
        at.header = (*batch)->header();
        const bool is_first = at.position == begin;
        // Of two that contradict each other the first may be wrong, unless it goes on exactly where one before it
        // ended.
        if (!is_first && at.header.base_offset < last.header.next_offset()) return cut(out_of_place(at));
        if (!is_first) is_last_sure = at.header.base_offset == last.header.next_offset();
        if (!is_last_sure) {
            const auto fits = is_in_its_place(at);
            if (!fits) return fits.error();
            if (!*fits) return cut(out_of_place(at));
        }
        last = at;
        good_to = walk.position();
    }
    return found;
}

// The offset of a batch is not under its checksum. One that leaves a gap behind what is before it, as compaction does,
// must at least agree with what follows.
Result<bool> ReadPlan::is_in_its_place(const BatchAt& batch) const {
    if (batch.header.next_offset() > end_offset) return false;
    if (limit - batch.end() < protocol::RecordBatchHeader::size) return true;
    const auto next = HeaderWalk(*file, batch.end(), limit).next();
    if (!next && next.error() != ErrorCode::corrupt_storage) return next.error();
    return !next || (*next)->header.base_offset >= batch.header.next_offset();
}

Error ReadPlan::out_of_place(const BatchAt& batch) const {
    return Error::of(ErrorCode::corrupt_storage,
                     fmt::format("'{}' at {}: the offsets {} to {} of the record batch do not fit those around it",
                                 file->path(), batch.position, batch.header.base_offset, batch.header.last_offset()));
}

// Behind the last whole batch of the slice no transaction is asked for.
Result<void> ReadPlan::add_aborted(LogSlice& slice) const {
    std::int64_t up_to = offset;
    const std::uint64_t end = slice.range.position + slice.range.length;
    HeaderWalk walk(*file, slice.range.position, limit);
    while (true) {
        const auto at = walk.next();
        if (!at) return at.error();
        if (!*at || (*at)->end() > end) break;
        up_to = (*at)->header.next_offset();
    }
    for (const auto& transactions : aborted_in) {
        const auto entries = read_transaction_index(*transactions);
        if (!entries) return entries.error();
        for (const auto& entry : *entries) {
            if (entry.last_offset >= offset && entry.first_offset < up_to)
                slice.aborted.push_back({entry.producer_id, entry.first_offset});
            // All transactions that began before it have their markers by now.
            if (entry.last_stable_offset >= up_to) return ok();
        }
    }
    return ok();
}

// Where to begin to look. Bits of an index may have turned, or of the batch: unless it points to what it names, nobody
// knows what lies before.
std::uint64_t ReadPlan::search() const {
    const auto entry = entry_by(index, limit, [&](const auto& e) { return base_offset + e.last_offset <= offset; });
    const auto position = static_cast<std::uint32_t>(entry.position);
    if (position == 0) return 0;
    const auto at = HeaderWalk(*file, position, limit).next();
    const bool fits = at && *at && (*at)->header.last_offset() == base_offset + entry.last_offset;
    return fits ? position : 0;
}

Result<LogSlice> ReadPlan::slice() const {
    LogSlice slice;
    if (!file) return slice;
    std::uint64_t from = search_from, near_end = boundary;
    if (index.count() != 0) {
        from = search();
        near_end = position_by(
            index, limit, [&](const auto& e) { return static_cast<std::uint32_t>(e.position) <= from + bytes_max; });
    }
    HeaderWalk walk(*file, from, limit);
    const bool from_entry = index.count() != 0 && from != 0;
    std::optional<BatchAt> doubtful;
    bool claimed = false;             // what is doubtful says that it has the offset
    std::int64_t next = base_offset;  // where the batches before it end
    while (true) {
        auto at = walk.next();
        if (!at) return at.error();
        if (!*at) return doubtful ? Result<LogSlice>(out_of_place(*doubtful)) : slice;
        const auto& header = (*at)->header;
        if (from_entry && (*at)->position == from) next = header.base_offset;
        if (!is_known && header.base_offset < next) doubtful = **at;
        if (header.last_offset() < offset) {
            next = std::max(next, header.next_offset());
            continue;
        }
        if (!is_known && header.base_offset != next) {
            const auto fits = is_in_its_place(**at);
            if (!fits) return fits.error();
            if (!*fits) {
                doubtful = **at;
                claimed |= header.base_offset <= offset;
                continue;
            }
            // What was asked for may be in the one that is wrong.
            if (doubtful && (claimed || header.base_offset > offset)) return out_of_place(*doubtful);
        }
        const std::uint64_t begin = (*at)->position;
        const std::uint64_t first_end = (*at)->end();
        std::uint64_t end = limit;
        if (begin + bytes_max < end) {
            // Better to end where a batch does: what is cut off travels in vain.
            end = begin + bytes_max;
            if (end < first_end) {
                if (!first_batch_whole) return slice;
                end = first_end;
            } else if (near_end > first_end) {
                end = std::min(end, near_end);
            }
        }
        slice.range = protocol::FileRange(file, begin, end - begin);
        return slice;
    }
}

Result<std::optional<TimestampOffset>> TimePlan::run() const {
    if (!file) return std::optional<TimestampOffset>();
    std::uint64_t from = 0;
    // All up to that batch are older, or it is the first with this very time.
    const auto older = times.last_where([&](const auto& entry) { return entry.timestamp <= timestamp; });
    if (older && *older) {
        const auto last_offset = (*older)->entry.last_offset;
        from = position_by(index, limit, [&](const auto& entry) { return entry.last_offset <= last_offset; });
    }
    HeaderWalk walk(*file, from, limit);
    while (true) {
        auto at = walk.next();
        if (!at) return at.error();
        if (!*at) return std::optional<TimestampOffset>();
        const auto& header = (*at)->header;
        if (header.max_timestamp < timestamp || header.last_offset() < start_offset || header.count == 0) continue;
        auto found = first_record_at(*file, **at, timestamp, start_offset);
        if (!found || *found) return found;
    }
}

}  // namespace ottla::broker::log
