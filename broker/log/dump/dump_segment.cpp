// SPDX-License-Identifier: Apache-2.0
// Dumping segments and snapshots of the metadata log: a line for each batch, and below it one for each record.
#include <fmt/format.h>

#include "broker/log/dump/dump.hpp"
#include "broker/log/dump/file_name.hpp"
#include "broker/log/dump/java_text.hpp"

namespace ottla::broker::log::dump {
namespace {

using protocol::RecordBatchHeader;

Error bad_name(const std::string& path) {
    return Error::of(ErrorCode::invalid_argument, fmt::format("'{}': the name has no offset", path));
}

Result<std::string> title_of(const std::string& path) {
    if (suffix_of(path) == ".log") {
        const auto base = offset_in_name(path);
        if (!base) return bad_name(path);
        return fmt::format("Log starting offset: {}\n", *base);
    }
    if (base_name(path) == "bootstrap.checkpoint") return std::string("KRaft bootstrap snapshot\n");
    const auto id = snapshot_id_in_name(path);
    if (!id) return bad_name(path);
    return fmt::format("Snapshot end offset: {}, epoch: {}\n", id->end_offset, id->epoch);
}

std::string_view timestamp_name(const RecordBatchHeader& header) {
    return header.timestamp_type() == protocol::TimestampType::log_append_time ? "LogAppendTime" : "CreateTime";
}

void append_header(const FoundBatch& batch, std::string& out) {
    const auto& header = batch.header;
    const auto horizon = header.delete_horizon_ms();
    fmt::format_to(std::back_inserter(out),
                   "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} "
                   "producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} deleteHorizonMs: {}",
                   header.base_offset, header.last_offset(), header.count, header.base_sequence, header.last_sequence(),
                   header.producer_id, header.producer_epoch, header.leader_epoch, header.is_transactional(),
                   header.is_control(),
                   horizon ? fmt::format("OptionalLong[{}]", *horizon) : std::string("OptionalLong.empty"));
}

void append_rest_of_header(const FoundBatch& batch, std::string& out) {
    const auto& header = batch.header;
    fmt::format_to(std::back_inserter(out),
                   " position: {} {}: {} size: {} magic: {} compresscodec: {} crc: {} isvalid: {}\n", batch.position,
                   timestamp_name(header), header.max_timestamp, batch.bytes.size(), header.magic,
                   name(header.compression()), header.crc, batch.has_right_crc());
}

// Sequences wrap at 2³¹.
std::int32_t sequence_of(const RecordBatchHeader& header, std::int64_t offset) {
    if (header.base_sequence < 0) return RecordBatchHeader::no_sequence;
    const auto sum =
        static_cast<std::uint64_t>(header.base_sequence) + static_cast<std::uint64_t>(offset - header.base_offset);
    return static_cast<std::int32_t>(sum & 0x7FFFFFFF);
}

std::int64_t size_of(const protocol::NullableSpan& span) { return span ? static_cast<std::int64_t>(span->size()) : -1; }

void append_record(const RecordBatchHeader& header, const protocol::RecordView& record, std::string& out) {
    fmt::format_to(std::back_inserter(out), "| offset: {} {}: {} keySize: {} valueSize: {} sequence: {} headerKeys: [",
                   record.offset, timestamp_name(header), record.timestamp, size_of(record.key), size_of(record.value),
                   sequence_of(header, record.offset));
    auto headers = record.headers;
    bool first = true;
    for (protocol::RecordHeaderView one; headers.next(one);) {
        if (!first) out += ',';
        first = false;
        append_java_text(as_bytes(one.key), out);
    }
    out += ']';
}

}  // namespace

Result<void> Dump::segment(const std::string& path) {
    auto title = title_of(path);
    if (!title) return title.error();
    text_ += *title;
    auto bytes = SegmentBytes::open(disk_, path, options_.bytes_max);
    if (!bytes) return bytes.error();
    last_offset_ = -1;
    std::uint64_t position = 0;
    while (true) {
        const auto found = bytes->at(position);
        if (!found) return found.error();
        if (!*found) break;
        const auto more = batch(**found, path);
        if (!more) return more.error();
        if (!*more) return ok();
        position = (*found)->end();
    }
    if (const auto left = bytes->size() - position; left != 0 && bytes->size() < options_.bytes_max)
        text_ += fmt::format("Found {} invalid bytes at the end of {}\n", left, base_name(path));
    return ok();
}

// False when nobody reads any more.
Result<bool> Dump::batch(const FoundBatch& batch, const std::string& path) {
    append_header(batch, text_);
    if (!batch.header.has_known_codec()) {
        return Error::of(ErrorCode::corrupt_storage,
                         fmt::format("'{}' at {}: there is no codec {}", path, batch.position,
                                     batch.header.attributes & RecordBatchHeader::codec_mask));
    }
    append_rest_of_header(batch, text_);
    if (options_.deep_iteration) {
        if (auto done = records(batch, path); !done) return done.error();
    }
    return flush();
}

Result<void> Dump::records(const FoundBatch& batch, const std::string& path) {
    const auto broken = [&](std::string_view why) {
        return Error::of(ErrorCode::corrupt_storage, fmt::format("'{}' at {}: {}", path, batch.position, why));
    };
    const auto view = protocol::RecordBatchView::parse(batch.bytes);
    if (!view) return broken(view.error().text());
    auto reader = view->records(decompressor_, options_.uncompressed_bytes_max, space_);
    if (!reader) return broken(reader.error().text());
    std::int32_t left = batch.header.count;
    for (protocol::RecordView record; reader->next(record);) {
        if (--left == 0 && !reader->complete()) return broken("there is more behind the last record");
        append_record(batch.header, record, text_);
        if (batch.header.is_control()) {
            if (auto done = append_control(record, text_); !done) return done;
        } else if (options_.print_data) {
            append_key_and_payload(record, options_.decoder, text_);
        }
        text_ += '\n';
        if (record.offset != last_offset_ + 1) findings_.not_consecutive(absolute(path), last_offset_, record.offset);
        last_offset_ = record.offset;
    }
    if (!reader->complete()) return broken("the records do not fit the count of the batch");
    return ok();
}

}  // namespace ottla::broker::log::dump
