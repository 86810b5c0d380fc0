// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/record_batch_builder.hpp>

#include <cstring>
#include <utility>

#include "base/assert.hpp"

namespace ottla::protocol {

namespace {

std::int64_t length_of(const NullableSpan& bytes) noexcept {
    return bytes ? static_cast<std::int64_t>(bytes->size()) : -1;
}

std::size_t span_size(const NullableSpan& bytes) noexcept {
    return varint_size(length_of(bytes)) + (bytes ? bytes->size() : 0);
}

std::size_t headers_size(std::span<const RecordHeaderView> headers) noexcept {
    std::size_t size = varint_size(static_cast<std::int64_t>(headers.size()));
    for (const RecordHeaderView& header : headers)
        size += varint_size(static_cast<std::int64_t>(header.key.size())) + header.key.size() + span_size(header.value);
    return size;
}

std::uint8_t* store_bytes(std::uint8_t* to, const void* from, std::size_t size) noexcept {
    if (size > 0) std::memcpy(to, from, size);
    return to + size;
}

std::uint8_t* store_span(std::uint8_t* to, const NullableSpan& bytes) noexcept {
    to = store_varint(to, length_of(bytes));
    return bytes ? store_bytes(to, bytes->data(), bytes->size()) : to;
}

std::uint8_t* store_headers(std::uint8_t* to, std::span<const RecordHeaderView> headers) noexcept {
    to = store_varint(to, static_cast<std::int64_t>(headers.size()));
    for (const RecordHeaderView& header : headers) {
        to = store_varint(to, static_cast<std::int64_t>(header.key.size()));
        to = store_bytes(to, header.key.data(), header.key.size());
        to = store_span(to, header.value);
    }
    return to;
}

}  // namespace

RecordBatchBuilder::RecordBatchBuilder(Buffer space, std::size_t bytes_max) : bytes_max_(bytes_max) {
    reset(std::move(space));
}

void RecordBatchBuilder::reset(Buffer space) {
    buffer_ = std::move(space);
    buffer_.clear();
    buffer_.resize(RecordBatchHeader::size);
    count_ = 0;
    last_offset_delta_ = -1;
    base_timestamp_ = max_timestamp_ = RecordBatchHeader::no_timestamp;
}

std::size_t RecordBatchBuilder::body_size(std::int64_t timestamp_delta, std::int32_t offset_delta, NullableSpan key,
                                          NullableSpan value,
                                          std::span<const RecordHeaderView> headers) const noexcept {
    return 1 + varint_size(timestamp_delta) + varint_size(offset_delta) + span_size(key) + span_size(value) +
           headers_size(headers);
}

std::size_t RecordBatchBuilder::size_of(std::int64_t timestamp, NullableSpan key, NullableSpan value,
                                        std::span<const RecordHeaderView> headers) const noexcept {
    const std::size_t body =
        body_size(empty() ? 0 : timestamp - base_timestamp_, last_offset_delta_ + 1, key, value, headers);
    return varint_size(static_cast<std::int64_t>(body)) + body;
}

std::size_t RecordBatchBuilder::batch_size_bound(NullableSpan key, NullableSpan value,
                                                 std::span<const RecordHeaderView> headers) noexcept {
    // Length 5, attributes 1, timestamp delta 10, offset delta 5 at most.
    return RecordBatchHeader::size + 21 + span_size(key) + span_size(value) + headers_size(headers);
}

bool RecordBatchBuilder::append(std::int64_t timestamp, NullableSpan key, NullableSpan value,
                                std::span<const RecordHeaderView> headers) {
    if (last_offset_delta_ == std::numeric_limits<std::int32_t>::max() - 1) return false;
    return append_at(last_offset_delta_ + 1, timestamp, key, value, headers);
}

bool RecordBatchBuilder::append_at(std::int32_t offset_delta, std::int64_t timestamp, NullableSpan key,
                                   NullableSpan value, std::span<const RecordHeaderView> headers) {
    OTTLA_ASSERT(offset_delta > last_offset_delta_);
    const std::int64_t timestamp_delta = empty() ? 0 : timestamp - base_timestamp_;
    const std::size_t body = body_size(timestamp_delta, offset_delta, key, value, headers);
    const std::size_t before = buffer_.size();
    const std::size_t after = before + varint_size(static_cast<std::int64_t>(body)) + body;
    if (after > bytes_max_ && !empty()) return false;
    if (after > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) return false;

    buffer_.resize(after);
    std::uint8_t* to = buffer_.data() + before;
    to = store_varint(to, static_cast<std::int64_t>(body));
    *to++ = 0;
    to = store_varint(to, timestamp_delta);
    to = store_varint(to, offset_delta);
    to = store_span(to, key);
    to = store_span(to, value);
    to = store_headers(to, headers);
    OTTLA_ASSERT(to == buffer_.data() + after);

    if (empty()) base_timestamp_ = max_timestamp_ = timestamp;
    if (timestamp > max_timestamp_) max_timestamp_ = timestamp;
    last_offset_delta_ = offset_delta;
    ++count_;
    return true;
}

Buffer RecordBatchBuilder::finish(const BatchStamp& stamp) {
    OTTLA_ASSERT(!empty());
    RecordBatchHeader header;
    header.base_offset = stamp.base_offset;
    header.length = static_cast<std::int32_t>(buffer_.size() - RecordBatchHeader::overhead);
    header.leader_epoch = stamp.leader_epoch;
    header.attributes = static_cast<std::int16_t>((stamp.transactional ? RecordBatchHeader::transactional_bit : 0) |
                                                  (stamp.control ? RecordBatchHeader::control_bit : 0));
    header.last_offset_delta = last_offset_delta_;
    header.base_timestamp = base_timestamp_;
    header.max_timestamp = max_timestamp_;
    header.producer_id = stamp.producer_id;
    header.producer_epoch = stamp.producer_epoch;
    header.base_sequence = stamp.base_sequence;
    header.count = count_;
    header.write(buffer_.data());
    patch_crc({buffer_.data(), buffer_.size()});
    Buffer done = std::move(buffer_);
    buffer_ = Buffer();
    count_ = 0;
    last_offset_delta_ = -1;
    return done;
}

Result<void> compress_batch(ByteSpan batch, CompressionType type, int level, Compressor& compressor, Buffer& out) {
    out.clear();
    out.resize(RecordBatchHeader::size);
    if (auto done = compressor.compress(type, level, batch.subspan(RecordBatchHeader::size), out); !done) return done;
    RecordBatchHeader header = RecordBatchHeader::read(batch.data());
    header.length = static_cast<std::int32_t>(out.size() - RecordBatchHeader::overhead);
    header.attributes = static_cast<std::int16_t>((header.attributes & ~RecordBatchHeader::codec_mask) |
                                                  static_cast<std::int16_t>(type));
    header.write(out.data());
    patch_crc({out.data(), out.size()});
    return ok();
}

}  // namespace ottla::protocol
