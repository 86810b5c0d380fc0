// SPDX-License-Identifier: Apache-2.0
#include "broker/log/compaction/batch_cleaner.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include <ottla/protocol/record_batch_builder.hpp>
#include <ottla/protocol/varint.hpp>
#include "broker/log/compaction/hashed_records.hpp"

namespace ottla::broker::log {

using protocol::RecordBatchHeader;
using protocol::RecordView;

namespace {

constexpr std::size_t cleaned_batch_bytes_max = std::size_t{1} << 30;

bool record_stays(const HashedRecords::Item& item, const RecordBatchHeader& header, const CleaningRules& rules) {
    const RecordView& record = item.record;
    if (record.offset >= rules.indexed_up_to) return true;
    if (!record.key) return false;  // was written before the topic was compacted
    if (record.offset < rules.last->find(item.hash)) return false;
    if (record.value) return true;
    const auto horizon = header.delete_horizon_ms();
    return !horizon || rules.now_ms < *horizon;
}

// A record as it was, at other deltas.
void append_record(Buffer& out, std::int64_t timestamp_delta, std::int64_t offset_delta, const RecordView& record) {
    const auto span_size = [](const protocol::NullableSpan& span) {
        return span ? protocol::varint_size(static_cast<std::int64_t>(span->size())) + span->size() : 1;
    };
    const auto headers = static_cast<std::int64_t>(record.headers.count());
    const ByteSpan header_bytes = record.headers.bytes();
    const std::size_t body = 1 + protocol::varint_size(timestamp_delta) + protocol::varint_size(offset_delta) +
                             span_size(record.key) + span_size(record.value) + protocol::varint_size(headers) +
                             header_bytes.size();
    const std::size_t before = out.size();
    out.resize(before + protocol::varint_size(static_cast<std::int64_t>(body)) + body);
    std::uint8_t* to = out.data() + before;
    const auto store_bytes = [&to](ByteSpan bytes) {
        if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
        to += bytes.size();
    };
    const auto store_span = [&](const protocol::NullableSpan& span) {
        to = protocol::store_varint(to, span ? static_cast<std::int64_t>(span->size()) : -1);
        if (span) store_bytes(*span);
    };
    to = protocol::store_varint(to, static_cast<std::int64_t>(body));
    *to++ = 0;  // attributes
    to = protocol::store_varint(to, timestamp_delta);
    to = protocol::store_varint(to, offset_delta);
    store_span(record.key);
    store_span(record.value);
    to = protocol::store_varint(to, headers);
    store_bytes(header_bytes);
}

}  // namespace

struct BatchCleaner::Survivors {
    std::int32_t count = 0;
    std::int64_t first_timestamp = RecordBatchHeader::no_timestamp;
    std::int64_t max_timestamp = RecordBatchHeader::no_timestamp;
    std::optional<std::int64_t> horizon;
};

Error BatchCleaner::unreadable(const protocol::RecordBatchView& batch, std::string_view why) {
    return Error::of(ErrorCode::corrupt_storage, fmt::format("the records of the batch at offset {} cannot be read: {}",
                                                             batch.header().base_offset, why));
}

Result<protocol::RecordReader> BatchCleaner::records(const protocol::RecordBatchView& batch) {
    auto records = batch.records(decompressor_, cleaned_batch_bytes_max, decompressed_);
    if (!records) return unreadable(batch, records.error().text());
    return records;
}

Result<std::optional<std::int64_t>> BatchCleaner::note_keys(const protocol::RecordBatchView& batch, std::int64_t first,
                                                            KeyOffsets& keys) {
    auto records = this->records(batch);
    if (!records) return records.error();
    HashedRecords hashed(*records, keys);
    for (auto some = hashed.next(); !some.empty(); some = hashed.next())
        for (const auto& [record, hash] : some)
            if (record.key && record.offset >= first && !keys.put(hash, record.offset))
                return std::optional(record.offset);
    if (!hashed.complete()) return unreadable(batch, "they are malformed");
    return std::optional<std::int64_t>();
}

Result<ByteSpan> BatchCleaner::clean(const protocol::RecordBatchView& batch, const CleaningRules& rules,
                                     const BatchFate& fate) {
    const RecordBatchHeader& header = batch.header();
    records_read_ += static_cast<std::uint64_t>(header.count);
    if (header.count == 0 || fate.records_go) return fate.header_stays ? header_alone(header) : ByteSpan();

    auto records = this->records(batch);
    if (!records) return records.error();
    Survivors survivors;
    stays_.clear();
    bool tombstones = false;
    HashedRecords hashed(*records, *rules.last);
    for (auto some = hashed.next(); !some.empty(); some = hashed.next()) {
        for (const auto& item : some) {
            const bool stays = header.is_control() || record_stays(item, header, rules);
            stays_.push_back(stays);
            if (!stays) continue;
            tombstones |= !item.record.value.has_value();
            if (survivors.count++ == 0) survivors.first_timestamp = item.record.timestamp;
            survivors.max_timestamp = std::max(survivors.max_timestamp, item.record.timestamp);
        }
    }
    if (!hashed.complete()) return unreadable(batch, "they are malformed");
    records_kept_ += static_cast<std::uint64_t>(survivors.count);
    if (survivors.count == 0) return fate.header_stays ? header_alone(header) : ByteSpan();

    survivors.horizon = header.delete_horizon_ms();
    const bool begins_horizon = (tombstones || fate.is_spent) && !survivors.horizon;
    if (begins_horizon) survivors.horizon = rules.now_ms + rules.delete_retention_ms;
    if (survivors.count == header.count && !begins_horizon) return batch.bytes();
    return rewrite(batch, *records, survivors);
}

// Offsets, sequences and the codec stay as they were.
Result<ByteSpan> BatchCleaner::rewrite(const protocol::RecordBatchView& batch, protocol::RecordReader records,
                                       const Survivors& survivors) {
    RecordBatchHeader header = batch.header();
    header.base_timestamp = survivors.horizon.value_or(survivors.first_timestamp);
    header.max_timestamp = survivors.max_timestamp;
    header.count = survivors.count;
    if (survivors.horizon)
        header.attributes = static_cast<std::int16_t>(header.attributes | RecordBatchHeader::delete_horizon_bit);
    records_.clear();
    std::size_t number = 0;
    for (RecordView record; records.next(record); ++number) {
        if (!stays_[number]) continue;
        append_record(records_, record.timestamp - header.base_timestamp, record.offset - header.base_offset, record);
    }
    const ByteSpan encoded(records_.data(), records_.size());
    auto written = protocol::compress_records(header, encoded, header.compression(),
                                              protocol::default_compression_level, compressor_, out_);
    if (!written) return written.error();
    return ByteSpan(out_.data(), out_.size());
}

ByteSpan BatchCleaner::header_alone(RecordBatchHeader header) {
    header.attributes = static_cast<std::int16_t>(
        header.attributes & ~(RecordBatchHeader::delete_horizon_bit | RecordBatchHeader::codec_mask));
    header.base_timestamp = RecordBatchHeader::no_timestamp;
    header.count = 0;
    header.length = static_cast<std::int32_t>(RecordBatchHeader::size - RecordBatchHeader::overhead);
    out_.clear();
    out_.resize(RecordBatchHeader::size);
    header.write(out_.data());
    protocol::patch_crc({out_.data(), out_.size()});
    return {out_.data(), out_.size()};
}

}  // namespace ottla::broker::log
