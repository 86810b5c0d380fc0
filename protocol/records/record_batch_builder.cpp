// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/record_batch_builder.hpp>

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/crc32c.hpp"

namespace ottla::protocol {

RecordBatchBuilder::RecordBatchBuilder(Buffer space, std::size_t bytes_max, Checksum checksum)
    : bytes_max_(std::min<std::size_t>(bytes_max, std::numeric_limits<std::int32_t>::max())),
      checksum_(checksum) {
    reset(std::move(space));
}

void RecordBatchBuilder::reset(Buffer space) {
    buffer_ = std::move(space);
    begin_ = buffer_.data();
    capacity_ = buffer_.capacity();
    size_ = RecordBatchHeader::size;
    count_ = 0;
    last_offset_delta_ = -1;
    base_timestamp_ = max_timestamp_ = RecordBatchHeader::no_timestamp;
    sum_ = 0;
    summed_to_ = size_;
    sum_at_ = checksum_ == Checksum::on_the_way ? size_ + sum_step : std::numeric_limits<std::size_t>::max();
}

void RecordBatchBuilder::sum_up() {
    sum_ = base::crc32c(ByteSpan(begin_ + summed_to_, size_ - summed_to_), sum_);
    summed_to_ = size_;
    sum_at_ = size_ + sum_step;
}

void RecordBatchBuilder::grow(std::size_t size) {
    buffer_.resize(std::min(size_, capacity_));  // what is kept
    buffer_.reserve(size);
    begin_ = buffer_.data();
    capacity_ = buffer_.capacity();
}

void RecordBatchBuilder::move_into(Buffer larger) {
    OTTLA_ASSERT(larger.capacity() >= size_);
    larger.resize(size_);
    if (!empty()) std::memcpy(larger.data(), begin_, size_);
    buffer_ = std::move(larger);
    begin_ = buffer_.data();
    capacity_ = buffer_.capacity();
}

std::size_t RecordBatchBuilder::headers_size(std::span<const RecordHeaderView> headers) noexcept {
    std::size_t size = varint_size(static_cast<std::int64_t>(headers.size()));
    for (const RecordHeaderView& header : headers)
        size += varint_size(static_cast<std::int64_t>(header.key.size())) + header.key.size() + span_size(header.value);
    return size;
}

std::uint8_t* RecordBatchBuilder::store_headers(std::uint8_t* to, std::span<const RecordHeaderView> headers) noexcept {
    to = store_varint(to, static_cast<std::int64_t>(headers.size()));
    for (const RecordHeaderView& header : headers) {
        to = store_span(to, as_bytes(header.key));
        to = store_span(to, header.value);
    }
    return to;
}

std::size_t RecordBatchBuilder::batch_size_bound(const NullableSpan& key, const NullableSpan& value,
                                                 std::span<const RecordHeaderView> headers) noexcept {
    // Length 5, attributes 1, timestamp delta 10, offset delta 5 at most.
    return RecordBatchHeader::size + 21 + span_size(key) + span_size(value) + headers_size(headers);
}

bool RecordBatchBuilder::append_counted(std::int32_t offset_delta, std::int64_t timestamp, const NullableSpan& key,
                                        const NullableSpan& value, std::span<const RecordHeaderView> headers) {
    const std::int64_t timestamp_delta = empty() ? 0 : timestamp - base_timestamp_;
    const std::int64_t body = body_size(timestamp_delta, offset_delta, key, value, headers);
    const std::size_t after = size_ + varint_size(body) + static_cast<std::size_t>(body);
    if (after > bytes_max_ && (!empty() || after > std::numeric_limits<std::int32_t>::max())) [[unlikely]]
        return false;
    if (after > capacity_) [[unlikely]]
        grow(after);
    std::uint8_t* to = store_varint(begin_ + size_, body);
    *to++ = 0;
    to = store_varint(to, timestamp_delta);
    to = store_varint(to, offset_delta);
    to = store_span(to, key);
    to = store_span(to, value);
    if (headers.empty()) {
        *to = 0;
    } else {
        store_headers(to, headers);
    }
    note_added(after, offset_delta, timestamp);
    return true;
}

Buffer RecordBatchBuilder::finish(const BatchStamp& stamp) {
    OTTLA_ASSERT(!empty());
    RecordBatchHeader header;
    header.base_offset = stamp.base_offset;
    buffer_.resize(size_);
    header.length = static_cast<std::int32_t>(size_ - RecordBatchHeader::overhead);
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
    header.write(begin_);
    if (checksum_ == Checksum::on_the_way) {
        sum_up();
        patch_crc({begin_, size_}, sum_);
    } else if (checksum_ == Checksum::at_end) {
        patch_crc({begin_, size_});
    }
    Buffer done = std::move(buffer_);
    reset(Buffer());
    return done;
}

Result<void> compress_records(RecordBatchHeader header, ByteSpan records, CompressionType type, int level,
                              Compressor& compressor, Buffer& out) {
    out.clear();
    out.resize(RecordBatchHeader::size);
    if (auto done = compressor.compress(type, level, records, out); !done) return done;
    header.length = static_cast<std::int32_t>(out.size() - RecordBatchHeader::overhead);
    header.attributes = static_cast<std::int16_t>((header.attributes & ~RecordBatchHeader::codec_mask) |
                                                  static_cast<std::int16_t>(type));
    header.write(out.data());
    patch_crc({out.data(), out.size()});
    return ok();
}

Result<void> compress_batch(ByteSpan batch, CompressionType type, int level, Compressor& compressor, Buffer& out) {
    return compress_records(RecordBatchHeader::read(batch.data()), batch.subspan(RecordBatchHeader::size), type, level,
                            compressor, out);
}

}  // namespace ottla::protocol
