// SPDX-License-Identifier: Apache-2.0
#include "broker/log/dump/verify.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "broker/log/batch_walk.hpp"
#include "broker/log/directory_files.hpp"
#include "broker/log/dump/file_name.hpp"
#include "broker/log/dump/segment_bytes.hpp"
#include "broker/log/index_entries.hpp"
#include "broker/log/leader_epochs.hpp"
#include "broker/log/producer_snapshot.hpp"
#include "broker/log/segment_files.hpp"

namespace ottla::broker::log::dump {
namespace {

constexpr std::size_t small_file_bytes_max = 1U << 30;

class PartitionVerifier {
public:
    PartitionVerifier(Disk& disk, std::string directory, Verified& verified, const TextSink& problems)
        : disk_(disk),
          directory_(std::move(directory)),
          verified_(verified),
          problems_(problems) {}

    void run(const std::vector<DirectoryEntry>& entries) {
        // Segments come in the order of their names, which is that of their offsets, each before its indexes.
        for (const auto& entry : entries) {
            if (suffix_of(entry.name) == ".log") segment(join_path(directory_, entry.name));
        }
        for (const auto& entry : entries) {
            const auto path = join_path(directory_, entry.name);
            const auto suffix = suffix_of(entry.name);
            if (suffix == ".index") index<OffsetIndexEntry>(path);
            if (suffix == ".timeindex") index<TimeIndexEntry>(path);
            if (suffix == ".snapshot")
                parsed(path, [](const std::string& text) { return parse_producer_snapshot(as_bytes(text)).error(); });
            if (entry.name == leader_epoch_checkpoint_name)
                parsed(path, [](const std::string& text) { return LeaderEpochs::parse(text).error(); });
            if (entry.name == partition_metadata_name)
                parsed(path, [](const std::string& text) { return parse_partition_metadata(text).error(); });
        }
    }

private:
    // By its last offset, where a batch begins.
    using Ends = std::map<std::int64_t, std::uint64_t>;

    void problem(const std::string& path, std::string_view what) {
        ++verified_.problems;
        problems_(fmt::format("{}: {}\n", path, what));
    }

    void segment(const std::string& path) {
        ++verified_.files;
        const auto base = offset_in_name(path);
        if (!base) return problem(path, "the name has no offset");
        auto bytes = SegmentBytes::open(disk_, path);
        if (!bytes) return problem(path, bytes.error().text());
        if (*base < next_offset_) problem(path, fmt::format("begins below offset {}", next_offset_));
        next_offset_ = std::max(next_offset_, *base);
        Ends& ends = ends_[*base];
        std::uint64_t position = 0;
        while (true) {
            const auto found = bytes->at(position);
            if ((!found || !*found) && preallocated(path, position, bytes->size())) return;
            if (!found) return problem(path, found.error().text());
            if (!*found) break;
            batch(path, **found);
            ends.emplace((*found)->header.last_offset(), position);
            position = (*found)->end();
        }
        if (position != bytes->size())
            problem(path, fmt::format("at {}: {} bytes are no whole batch", position, bytes->size() - position));
    }

    // What the broker made room for holds zeros until it is written, or the segment ends.
    bool preallocated(const std::string& path, std::uint64_t from, std::uint64_t to) {
        const auto file = disk_.open(path);
        if (!file) return false;
        const auto zeros = only_zeros(**file, from, to);
        return zeros && *zeros;
    }

    void batch(const std::string& path, const FoundBatch& found) {
        const auto& header = found.header;
        const auto at = [&](std::string_view what) {
            problem(path, fmt::format("at {}: the batch of offsets {} to {} {}", found.position, header.base_offset,
                                      header.last_offset(), what));
        };
        if (!found.has_right_crc())
            at("has a wrong checksum");
        else if (const auto view = protocol::RecordBatchView::parse(found.bytes); !view)
            at(view.error().text());
        else
            records(*view, at);
        if (header.last_offset_delta < 0)
            at("ends before it begins");
        else if (header.base_offset < next_offset_)
            at(fmt::format("comes where {} is next", next_offset_));
        next_offset_ = std::max(next_offset_, header.next_offset());
    }

    template <class At>
    void records(const protocol::RecordBatchView& view, const At& at) {
        auto reader = view.records(decompressor_, small_file_bytes_max, space_);
        if (!reader) return at(reader.error().text());
        for (protocol::RecordView record; reader->next(record);) {
            if (!record.headers.well_formed()) return at("has a record with malformed headers");
            if (record.offset < view.header().base_offset || record.offset > view.header().last_offset())
                return at(fmt::format("has a record of offset {}", record.offset));
        }
        if (!reader->complete()) at("has records that do not fit its count");
    }

    static std::optional<std::uint64_t> position_of(const OffsetIndexEntry& entry) {
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(entry.position));
    }
    static std::optional<std::uint64_t> position_of(const TimeIndexEntry&) { return std::nullopt; }

    template <class Entry>
    void index(const std::string& path) {
        ++verified_.files;
        const auto base = offset_in_name(path);
        if (!base || !ends_.contains(*base)) return problem(path, "there is no segment of this offset");
        const auto text = read_text(disk_, path, small_file_bytes_max);
        if (!text) return problem(path, text.error().text());
        if (text->size() % Entry::size != 0)
            problem(path, fmt::format("{} bytes are not whole entries of {}", text->size(), Entry::size));
        const Ends& ends = ends_.at(*base);
        // What follows the last entry was only made room for.
        const std::size_t used = text->find_last_not_of('\0') + 1;
        std::int64_t before = *base - 1;
        for (std::size_t at = 0; at < used && text->size() - at >= Entry::size; at += Entry::size) {
            const auto entry = Entry::read(as_bytes(*text).data() + at);
            const std::int64_t offset = *base + entry.last_offset;
            const auto found = ends.find(offset);
            const auto position = position_of(entry);
            if (found == ends.end())
                problem(path, fmt::format("at {}: no batch ends with offset {}", at, offset));
            else if (position && *position != found->second)
                problem(path, fmt::format("at {}: the batch that ends with offset {} begins at {}, not {}", at, offset,
                                          found->second, entry_position(entry)));
            if (offset <= before) problem(path, fmt::format("at {}: offset {} follows {}", at, offset, before));
            before = offset;
        }
    }
    static std::int32_t entry_position(const OffsetIndexEntry& entry) { return entry.position; }
    static std::int32_t entry_position(const TimeIndexEntry&) { return 0; }

    template <class Parse>
    void parsed(const std::string& path, const Parse& parse) {
        ++verified_.files;
        const auto text = read_text(disk_, path, small_file_bytes_max);
        if (!text) return problem(path, text.error().text());
        if (const Error error = parse(*text); error.code() != ErrorCode::none) problem(path, error.text());
    }

    Disk& disk_;
    std::string directory_;
    Verified& verified_;
    const TextSink& problems_;
    std::map<std::int64_t, Ends> ends_;
    std::int64_t next_offset_ = 0;
    protocol::Decompressor decompressor_;
    Buffer space_;
};

bool has_segments(const std::vector<DirectoryEntry>& entries) {
    return std::any_of(entries.begin(), entries.end(),
                       [](const auto& entry) { return !entry.is_directory && suffix_of(entry.name) == ".log"; });
}

}  // namespace

Result<Verified> verify_directory(Disk& disk, const std::string& directory, const TextSink& problems) {
    const auto entries = disk.list(directory);
    if (!entries) return entries.error();
    Verified verified;
    const auto verify = [&](const std::string& path, const std::vector<DirectoryEntry>& files) {
        ++verified.partitions;
        PartitionVerifier(disk, path, verified, problems).run(files);
    };
    if (has_segments(*entries)) {
        verify(directory, *entries);
        return verified;
    }
    for (const auto& entry : *entries) {
        if (!entry.is_directory || !parse_partition_directory(entry.name)) continue;
        const auto path = join_path(directory, entry.name);
        const auto files = disk.list(path);
        if (!files) return files.error();
        verify(path, *files);
    }
    if (verified.partitions == 0)
        return Error::of(ErrorCode::invalid_argument, fmt::format("'{}': there is no partition", directory));
    return verified;
}

}  // namespace ottla::broker::log::dump
