// SPDX-License-Identifier: Apache-2.0
// Dumping the indexes by offset and by time, each entry held against the segment.
#include <algorithm>

#include <fmt/format.h>

#include "broker/log/dump/dump.hpp"
#include "broker/log/dump/file_name.hpp"
#include "broker/log/index_entries.hpp"

namespace ottla::broker::log::dump {
namespace {

constexpr std::size_t index_bytes_max = 1U << 30;

// Whole entries; a rest behind the last is not looked at.
template <class Entry>
std::vector<Entry> entries_in(std::string_view text) {
    std::vector<Entry> entries;
    const auto bytes = as_bytes(text);
    for (std::size_t at = 0; bytes.size() - at >= Entry::size; at += Entry::size)
        entries.push_back(Entry::read(bytes.data() + at));
    return entries;
}

template <class Entry>
struct Index {
    std::int64_t base_offset = 0;
    std::size_t bytes = 0;
    std::vector<Entry> entries;
};

template <class Entry>
Result<Index<Entry>> read_index(Disk& disk, const std::string& path) {
    const auto base = offset_in_name(path);
    if (!base) return Error::of(ErrorCode::invalid_argument, fmt::format("'{}': the name has no offset", path));
    const auto text = read_text(disk, path, index_bytes_max);
    if (!text) return text.error();
    return Index<Entry>{*base, text->size(), entries_in<Entry>(*text)};
}

Error corrupt_index(const std::string& path, std::string why) {
    return Error::of(ErrorCode::corrupt_storage, fmt::format("'{}': {}", path, std::move(why)));
}

Result<FoundBatch> indexed_batch(SegmentBytes& segment, const std::string& path, std::int32_t position) {
    auto found = position < 0 ? Result<std::optional<FoundBatch>>(std::optional<FoundBatch>())
                              : segment.at(static_cast<std::uint64_t>(position));
    if (!found) return found.error();
    if (!*found) return corrupt_index(path, fmt::format("no batch begins at {}", position));
    return **found;
}

// Where to look for `offset`, as a reader would: from the last indexed batch that ends at or before it.
std::uint64_t floor_position(const std::vector<OffsetIndexEntry>& entries, std::int64_t relative_offset) {
    std::size_t low = 0, high = entries.size();
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (entries[middle].last_offset <= relative_offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : static_cast<std::uint64_t>(std::max(entries[low - 1].position, 0));
}

// The batch that ends at or behind `offset`, the first from `position` on.
Result<std::optional<FoundBatch>> batch_covering(SegmentBytes& segment, std::uint64_t position, std::int64_t offset) {
    while (true) {
        auto found = segment.at(position);
        if (!found || !*found || (*found)->header.last_offset() >= offset) return found;
        position = (*found)->end();
    }
}

Result<std::int64_t> largest_timestamp(const FoundBatch& batch, std::size_t bytes_max,
                                       protocol::Decompressor& decompressor, Buffer& space) {
    const auto view = protocol::RecordBatchView::parse(batch.bytes);
    if (!view) return view.error();
    auto reader = view->records(decompressor, bytes_max, space);
    if (!reader) return reader.error();
    std::int64_t largest = protocol::RecordBatchHeader::no_timestamp;
    for (protocol::RecordView record; reader->next(record);) largest = std::max(largest, record.timestamp);
    if (!reader->complete())
        return Error::of(ErrorCode::corrupt_storage,
                         fmt::format("the records of the batch at {} do not fit its count", batch.position));
    return largest;
}

// What a broker asks of an index when it starts.
Result<void> check_time_index(const std::string& path, std::size_t bytes, const std::vector<TimeIndexEntry>& entries) {
    if (bytes % TimeIndexEntry::size != 0)
        return corrupt_index(path, fmt::format("{} bytes are not whole entries of {}", bytes, TimeIndexEntry::size));
    if (entries.empty()) return ok();
    if (entries.back().timestamp < entries.front().timestamp)
        return corrupt_index(path, fmt::format("the last timestamp {} is below the first, {}", entries.back().timestamp,
                                               entries.front().timestamp));
    if (entries.back().last_offset < 0) return corrupt_index(path, "the last offset is below the segment's first");
    return ok();
}

}  // namespace

Result<void> Dump::offset_index(const std::string& path) {
    const auto index = read_index<OffsetIndexEntry>(disk_, path);
    if (!index) return index.error();
    const auto& entries = index->entries;
    if (entries.empty()) {
        text_ += fmt::format("{} is empty.\n", path);
        return ok();
    }
    if (options_.index_sanity_check) {
        if (entries.back().last_offset < 0) return corrupt_index(path, "the last offset is below the segment's first");
        text_ += fmt::format("{} passed sanity check.\n", path);
        return ok();
    }
    auto segment = SegmentBytes::open(disk_, sibling(path, ".log"));
    if (!segment) return segment.error();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& entry = entries[i];
        // From here on the file was only made room for.
        if (i > 0 && entry.last_offset == 0) break;
        const auto batch = indexed_batch(*segment, path, entry.position);
        if (!batch) return batch.error();
        const auto offset = index->base_offset + entry.last_offset;
        if (batch->header.last_offset() != offset)
            findings_.index_mismatch(absolute(path), offset, batch->header.last_offset());
        if (!options_.verify_index_only) text_ += fmt::format("offset: {} position: {}\n", offset, entry.position);
    }
    return ok();
}

Result<void> Dump::time_index(const std::string& path) {
    const auto index = read_index<TimeIndexEntry>(disk_, path);
    if (!index) return index.error();
    const auto& entries = index->entries;
    if (options_.index_sanity_check) {
        if (auto sane = check_time_index(path, index->bytes, entries); !sane) return sane;
        text_ += fmt::format("{} passed sanity check.\n", path);
        return ok();
    }
    auto segment = SegmentBytes::open(disk_, sibling(path, ".log"));
    if (!segment) return segment.error();
    std::vector<OffsetIndexEntry> positions;
    if (auto beside = read_index<OffsetIndexEntry>(disk_, sibling(path, ".index")))
        positions = std::move(beside->entries);
    std::int64_t before = protocol::RecordBatchHeader::no_timestamp;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& [timestamp, relative] = entries[i];
        if (i > 0 && relative == 0) break;
        const auto offset = index->base_offset + relative;
        const auto batch = batch_covering(*segment, floor_position(positions, relative), offset);
        if (!batch) return batch.error();
        if (!*batch || (*batch)->header.last_offset() != offset) {
            findings_.offset_not_found(absolute(path), offset, *batch ? (*batch)->header.last_offset() : -1);
        } else {
            const auto largest = largest_timestamp(**batch, options_.uncompressed_bytes_max, decompressor_, space_);
            if (!largest) return largest.error();
            if (*largest != timestamp) findings_.timestamp_mismatch(absolute(path), timestamp, *largest);
            if (timestamp <= before) findings_.timestamp_not_rising(absolute(path), timestamp, before);
        }
        if (!options_.verify_index_only) text_ += fmt::format("timestamp: {} offset: {}\n", timestamp, offset);
        before = timestamp;
    }
    return ok();
}

}  // namespace ottla::broker::log::dump
