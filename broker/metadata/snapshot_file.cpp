// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/snapshot_file.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/messages/snapshot_header_record.hpp>
#include <ottla/protocol/reader.hpp>
#include "broker/log/batch_walk.hpp"
#include "broker/metadata/image_records.hpp"
#include "broker/metadata/snapshot_writer.hpp"

namespace ottla::broker {
namespace {

constexpr std::string_view checkpoint_suffix = ".checkpoint";
constexpr std::string_view partial_suffix = ".checkpoint.part";
constexpr std::string_view removed_suffix = ".checkpoint.deleted";
constexpr std::size_t offset_digits = 20;
constexpr std::size_t epoch_digits = 10;

Error damaged(const std::string& path, std::string_view what) {
    return Error::of(ErrorCode::corrupt_storage, fmt::format("the metadata snapshot '{}': {}", path, what));
}

template <class Number>
bool parse_digits(std::string_view digits, Number& number) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && end == digits.data() + digits.size() && number >= 0;
}

// One pass over a snapshot's batches.
class SnapshotReading {
public:
    SnapshotReading(const log::File& file, std::uint64_t size, const SnapshotId& id)
        : path_(file.path()),
          walk_(file, 0, size),
          id_(id) {}

    Result<Snapshot> run() {
        auto timestamp = header();
        if (!timestamp) return timestamp.error();
        while (!ended_) {
            const auto batch = next();
            if (!batch) return batch.error();
            auto read = batch->header().is_control() ? control(*batch) : records(*batch);
            if (!read) return read.error();
        }
        const auto more = walk_.next();
        if (!more || *more) return damaged(path_, "something follows its footer");
        builder_.skip_to(id_.end_offset - 1);
        auto image = builder_.build();
        // Its records would be missing, unnoticed.
        if (image->offset() != id_.end_offset - 1) return damaged(path_, "a transaction in it does not end");
        return Snapshot{std::move(image), *timestamp};
    }

    Result<std::int64_t> header() {
        const auto batch = next();
        if (!batch) return batch.error();
        protocol::RecordView record;
        auto all = batch->records();
        if (!batch->header().is_control() || !all.next(record) || !record.value)
            return damaged(path_, "it does not begin with a header");
        const auto type = protocol::control_record_type(record);
        if (!type || *type != protocol::ControlRecordType::snapshot_header)
            return damaged(path_, "it does not begin with a header");
        protocol::SnapshotHeaderRecord header;
        protocol::Reader reader(Bytes::copy_of(*record.value));
        if (auto read = decode(reader, header, 0); !read) return damaged(path_, read.error().text());
        return header.last_contained_log_timestamp;
    }

private:
    Result<protocol::RecordBatchView> next() {
        const auto batch = walk_.next();
        if (!batch)
            return batch.error() == ErrorCode::file_system ? batch.error() : damaged(path_, batch.error().text());
        if (!*batch) return damaged(path_, "it has no footer");
        if ((*batch)->header().base_offset != next_offset_)
            return damaged(path_,
                           fmt::format("offset {} where {} is next", (*batch)->header().base_offset, next_offset_));
        next_offset_ = (*batch)->header().next_offset();
        return **batch;
    }

    // The header's batch may hold more than the header: the version and the voters of the quorum.
    Result<void> control(const protocol::RecordBatchView& batch) {
        auto all = batch.records();
        for (protocol::RecordView record; all.next(record);) {
            const auto type = protocol::control_record_type(record);
            if (!type) return damaged(path_, type.error().text());
            if (*type == protocol::ControlRecordType::snapshot_footer) ended_ = true;
        }
        return all.complete() ? ok() : Result<void>(damaged(path_, "a malformed batch"));
    }

    Result<void> records(const protocol::RecordBatchView& batch) {
        constexpr std::size_t batch_bytes_max = 64 << 20;
        auto all = batch.records(decompressor_, batch_bytes_max, space_);
        if (!all) return damaged(path_, all.error().text());
        for (protocol::RecordView record; all->next(record);) {
            if (!record.value) return damaged(path_, "a record without a value");
            const auto decoded = decode_record(Bytes::copy_of(*record.value));
            // Its crc is right: this is no damage, and an older snapshot would not do instead.
            if (!decoded) return decoded.error().with_context(path_);
            auto applied = builder_.apply(*decoded, id_.end_offset - 1);
            if (!applied) return damaged(path_, applied.error().text());
        }
        return all->complete() ? ok() : Result<void>(damaged(path_, "a malformed batch"));
    }

    std::string path_;
    log::CheckedWalk walk_;
    SnapshotId id_;
    ImageBuilder builder_{MetadataImage::empty()};
    protocol::Decompressor decompressor_;
    Buffer space_;
    std::int64_t next_offset_ = 0;
    bool ended_ = false;
};

template <class Read>
auto with_snapshot(log::Disk& disk, const std::string& directory, const SnapshotId& id, Read read)
    -> decltype(read(std::declval<SnapshotReading&>())) {
    const auto file = disk.open(log::join_path(directory, snapshot_name(id)));
    if (!file) return file.error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    SnapshotReading reading(**file, *size, id);
    return read(reading);
}

}  // namespace

std::string snapshot_name(const SnapshotId& id) {
    return fmt::format("{:020}-{:010}{}", id.end_offset, id.epoch, checkpoint_suffix);
}

std::optional<SnapshotId> parse_snapshot_name(std::string_view name) {
    constexpr std::size_t stem = offset_digits + 1 + epoch_digits;
    if (name.size() != stem + checkpoint_suffix.size() || !name.ends_with(checkpoint_suffix)) return std::nullopt;
    SnapshotId id;
    if (name[offset_digits] != '-' || !parse_digits(name.substr(0, offset_digits), id.end_offset) ||
        !parse_digits(name.substr(offset_digits + 1, epoch_digits), id.epoch))
        return std::nullopt;
    return id;
}

Result<void> write_snapshot(log::Disk& disk, const std::string& directory, const SnapshotId& id,
                            const MetadataImage& image, std::int64_t last_contained_log_timestamp,
                            std::int64_t now_ms) {
    const std::string path = log::join_path(directory, snapshot_name(id));
    const std::string partial = path + ".part";
    const auto file = disk.create(partial);
    if (!file) return file.error();
    std::uint64_t position = 0;
    const auto put = [&file, &position](ByteSpan batch) -> Result<void> {
        if (auto written = (*file)->write_at(position, batch); !written) return written;
        position += batch.size();
        return ok();
    };
    SnapshotWriter writer(put, id.epoch, now_ms);
    auto written = writer.begin(last_contained_log_timestamp);
    if (written) {
        written = for_each_record(image, [&writer](const MetadataRecord& record) { return writer.add(record); });
    }
    if (written) written = writer.finish();
    if (written) written = (*file)->sync();
    if (written) written = disk.rename(partial, path);
    if (written) return disk.sync_directory(directory);
    // The room is wanted back; a failure here is that of the writing, or is found at the next start.
    const auto removed = disk.remove(partial);
    static_cast<void>(removed);
    return written;
}

Result<Snapshot> read_snapshot(log::Disk& disk, const std::string& directory, const SnapshotId& id) {
    return with_snapshot(disk, directory, id, [](SnapshotReading& reading) { return reading.run(); });
}

Result<std::int64_t> read_snapshot_timestamp(log::Disk& disk, const std::string& directory, const SnapshotId& id) {
    return with_snapshot(disk, directory, id, [](SnapshotReading& reading) { return reading.header(); });
}

Result<std::vector<SnapshotId>> list_metadata_snapshots(log::Disk& disk, const std::string& directory) {
    const auto entries = disk.list(directory);
    if (!entries) return entries.error();
    std::vector<SnapshotId> found;
    for (const auto& entry : *entries) {
        if (const auto id = parse_snapshot_name(entry.name)) {
            found.push_back(*id);
        } else if (entry.name.ends_with(partial_suffix) || entry.name.ends_with(removed_suffix)) {
            if (auto removed = disk.remove(log::join_path(directory, entry.name)); !removed) return removed.error();
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace ottla::broker
