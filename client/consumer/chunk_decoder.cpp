// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/chunk_decoder.hpp"

#include <algorithm>
#include <new>

#include <fmt/format.h>
#include <ottla/protocol/control_record.hpp>

#include "base/assert.hpp"

namespace ottla::client {
namespace {

using protocol::RecordBatchView;

BytesView view(const protocol::NullableSpan& span) noexcept { return span ? BytesView(*span) : BytesView(); }

Error malformed(std::int64_t offset, std::string_view what) {
    return Error::of(ErrorCode::corrupt_message, fmt::format("the batch at offset {} {}", offset, what));
}

}  // namespace

void ChunkDecoder::start(FetchedChunk chunk) {
    chunk_ = std::move(chunk);
    read_ = 0;
    next_offset_ = chunk_.from_offset;
    next_aborted_ = 0;
    next_unpacked_ = 0;
    aborting_.clear();
}

void ChunkDecoder::drop() {
    if (chunk_.slot) chunk_.leave();
    chunk_ = FetchedChunk();
}

Result<std::shared_ptr<FetchedRecords>> ChunkDecoder::next() {
    auto run = std::make_shared<FetchedRecords>();
    run->topic = chunk_.slot->topic;
    run->partition = chunk_.slot->partition;
    run->response = chunk_.response;
    protocol::RecordBatchReader batches(chunk_.records.span().subspan(read_));
    const std::size_t begin = read_;
    while (run->count < options_.run_messages) {
        const auto batch = batches.next();
        Result<void> read = batch ? ok() : Result<void>(batch.error());
        if (batch && !*batch) break;
        if (batch && run->count > 0 && !fits((*batch)->header(), *run)) break;
        if (batch) read = decode(**batch, *run);
        if (!read) {
            // First what is good; the error comes again at the next call.
            if (run->count == 0) return read.error();
            break;
        }
        read_ = begin + batches.position();
        next_offset_ = std::max(next_offset_, (*batch)->header().next_offset());
    }
    if (run->count == 0) {
        drop();
        return std::shared_ptr<FetchedRecords>();
    }
    chunk_.read(run->count);
    return run;
}

bool ChunkDecoder::fits(const protocol::RecordBatchHeader& header, const FetchedRecords& run) const {
    const std::size_t count = run.count + static_cast<std::size_t>(header.count);
    return count <= options_.run_messages && count * sizeof(MessageView) <= run.views.capacity();
}

Result<void> ChunkDecoder::decode(const RecordBatchView& batch, FetchedRecords& run) {
    const auto& header = batch.header();
    // All of it was handed out before, or compaction has left an empty batch. A marker counts all the same.
    if (!header.is_control() && (header.next_offset() <= chunk_.from_offset || header.count == 0)) return ok();
    auto unpacked = take_unpacked();
    if (options_.check_crcs && !unpacked && !batch.check_crc())
        return malformed(header.base_offset, "fails its crc check");
    if (!header.has_known_codec()) return malformed(header.base_offset, "is of an unknown compression");
    if (header.is_control()) return on_control(batch);
    if (options_.isolation_level == IsolationLevel::read_committed && is_aborted(header)) return ok();

    Buffer space;
    ByteSpan records = batch.payload();
    if (unpacked) {
        records = unpacked->bytes().span();
    } else if (batch.is_compressed()) {
        space = pool_.take(records.size() * 4);
        auto done = decompressor_.decompress(header.compression(), records, options_.uncompressed_bytes_max, space);
        if (!done) return done.error().with_context(fmt::format("the batch at offset {}", header.base_offset));
        records = space.span();
    }
    if (static_cast<std::size_t>(header.count) > records.size() / protocol::RecordReader::record_size_min)
        return malformed(header.base_offset, "has fewer records than it says");
    make_room(static_cast<std::size_t>(header.count), run);
    if (const char* flaw = read_records(batch, records, run)) return malformed(header.base_offset, flaw);
    if (unpacked) run.unpacked.push_back(std::move(unpacked));
    if (!space.empty()) {
        Bytes kept = std::move(space).freeze();
        run.charge.add(chunk_.response->budget(), static_cast<std::int64_t>(kept.pinned()));
        run.memory.push_back(std::move(kept));
    }
    return ok();
}

// Only the first batch of a run takes memory: next() begins another run before one that does not fit.
void ChunkDecoder::make_room(std::size_t records, FetchedRecords& run) {
    const std::size_t bytes = (run.count + records) * sizeof(MessageView);
    if (bytes <= run.views.capacity()) return;
    OTTLA_ASSERT(run.count == 0);
    const auto left = static_cast<std::size_t>(std::max<std::int64_t>(chunk_.record_count, 0));
    run.views = pool_.take(std::max(bytes, std::min(left, options_.run_messages) * sizeof(MessageView)));
}

// What is wrong; null: nothing. Once for every message there is: so all that it calls is compiled into it.
[[gnu::flatten]] const char* ChunkDecoder::read_records(const RecordBatchView& batch, ByteSpan records,
                                                        FetchedRecords& run) const {
    const auto& header = batch.header();
    const std::int64_t last_offset = header.last_offset();
    const std::int64_t from_offset = chunk_.from_offset;
    OTTLA_ASSERT(reinterpret_cast<std::uintptr_t>(run.views.data()) % alignof(MessageView) == 0);
    auto* out = reinterpret_cast<MessageView*>(run.views.data()) + run.count;

    MessageView::Parts parts;
    parts.leader_epoch = header.leader_epoch;
    parts.timestamp_type = header.timestamp_type() == protocol::TimestampType::log_append_time
                               ? TimestampType::log_append_time
                               : TimestampType::create_time;
    auto reader = batch.records(records);
    std::int64_t last = header.base_offset - 1;
    std::size_t payload_bytes = 0;
    for (protocol::RecordView record; reader.next(record);) {
        // Offsets rise within what the header says, or the position would run astray.
        if (record.offset <= last || record.offset > last_offset) [[unlikely]]
            return "has records out of order";
        last = record.offset;
        if (!record.headers.empty() && !record.headers.well_formed()) [[unlikely]]
            return "has a malformed record header";
        if (record.offset < from_offset) [[unlikely]]
            continue;
        parts.offset = record.offset;
        parts.timestamp_ms = record.timestamp;
        parts.key = view(record.key);
        parts.value = view(record.value);
        payload_bytes += parts.key.size() + parts.value.size();
        const ByteSpan headers = record.headers.bytes();
        parts.headers = headers.data();
        parts.headers_size = static_cast<std::uint32_t>(headers.size());
        parts.header_count = static_cast<std::uint32_t>(record.headers.count());
        ::new (static_cast<void*>(out++)) MessageView(parts);
    }
    if (!reader.complete()) return "breaks the format of records";
    run.payload_bytes += static_cast<std::int64_t>(payload_bytes);
    run.count = static_cast<std::size_t>(out - reinterpret_cast<MessageView*>(run.views.data()));
    run.views.resize(run.count * sizeof(MessageView));
    return nullptr;
}

std::shared_ptr<const ChargedBytes> ChunkDecoder::take_unpacked() {
    const auto& all = chunk_.unpacked;
    while (next_unpacked_ < all.size() && all[next_unpacked_].at < read_) ++next_unpacked_;
    if (next_unpacked_ == all.size() || all[next_unpacked_].at != read_) return nullptr;
    return all[next_unpacked_].records;
}

// Aborted transactions come sorted by first offset; each lasts until its marker (KIP-98).
bool ChunkDecoder::is_aborted(const protocol::RecordBatchHeader& header) {
    while (next_aborted_ < chunk_.aborted.size() && chunk_.aborted[next_aborted_].first_offset <= header.last_offset())
        aborting_.insert(chunk_.aborted[next_aborted_++].producer_id);
    return header.is_transactional() && aborting_.contains(header.producer_id);
}

Result<void> ChunkDecoder::on_control(const RecordBatchView& batch) {
    // A marker also ends what began before this chunk's first batch.
    is_aborted(batch.header());
    if (!batch.header().is_transactional() || batch.is_compressed()) return ok();
    auto reader = batch.records();
    for (protocol::RecordView record; reader.next(record);) {
        const auto type = protocol::control_record_type(record);
        if (!type) return malformed(batch.header().base_offset, "holds a malformed control record");
        if (*type == protocol::ControlRecordType::abort) aborting_.erase(batch.header().producer_id);
    }
    return ok();
}

}  // namespace ottla::client
