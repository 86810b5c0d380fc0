// SPDX-License-Identifier: Apache-2.0
// RecordBatchBuilder: encodes records one after the other straight into a Buffer, behind room for the batch header.
// One copy of key and value, no allocation but the buffer's growth. The header is written at the end, since the
// codec, the producer's id and its sequence are known late and lie within the crc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include <ottla/bytes.hpp>
#include <ottla/protocol/compression.hpp>
#include <ottla/protocol/record_batch.hpp>

namespace ottla::protocol {

// What the header says besides what the records tell.
struct BatchStamp {
    std::int64_t base_offset = 0;
    std::int32_t leader_epoch = RecordBatchHeader::no_leader_epoch;
    std::int64_t producer_id = RecordBatchHeader::no_producer_id;
    std::int16_t producer_epoch = RecordBatchHeader::no_producer_epoch;
    std::int32_t base_sequence = RecordBatchHeader::no_sequence;
    bool transactional = false;
    bool control = false;
};

class RecordBatchBuilder {
public:
    // Builds in `space`, from a pool perhaps; what it holds is dropped. append() refuses what would grow the batch
    // beyond `bytes_max`, unless it is the first record.
    explicit RecordBatchBuilder(Buffer space, std::size_t bytes_max = std::numeric_limits<std::int32_t>::max());

    bool empty() const noexcept { return count_ == 0; }
    std::int32_t count() const noexcept { return count_; }
    // Header and records so far, not compressed.
    std::size_t size() const noexcept { return size_; }
    std::size_t bytes_max() const noexcept { return bytes_max_; }
    std::int64_t max_timestamp() const noexcept { return max_timestamp_; }

    // What append() writes into without growing.
    std::size_t capacity() const noexcept { return capacity_; }
    // Goes on in a larger buffer (of a pool, which the builder's own growing would not ask).
    void move_into(Buffer larger);

    // What append() would add to size().
    std::size_t size_of(std::int64_t timestamp, const NullableSpan& key, const NullableSpan& value,
                        std::span<const RecordHeaderView> headers = {}) const noexcept {
        const std::int64_t body =
            body_size(empty() ? 0 : timestamp - base_timestamp_, last_offset_delta_ + 1, key, value, headers);
        return varint_size(body) + static_cast<std::size_t>(body);
    }
    // A bound of size_of() that holds for every batch and position in it, plus the header of a batch.
    static std::size_t batch_size_bound(const NullableSpan& key, const NullableSpan& value,
                                        std::span<const RecordHeaderView> headers = {}) noexcept;

    // Adds a record at the next offset; `timestamp` in ms since 1970. False, and nothing added, when it does not
    // fit below bytes_max() or the batch holds 2³¹ - 1 records.
    bool append(std::int64_t timestamp, const NullableSpan& key, const NullableSpan& value,
                std::span<const RecordHeaderView> headers = {}) {
        return last_offset_delta_ < offset_delta_max &&
               append_at(last_offset_delta_ + 1, timestamp, key, value, headers);
    }
    // Adds a record with an offset of its own, above the last one (compaction leaves gaps).
    bool append_at(std::int32_t offset_delta, std::int64_t timestamp, const NullableSpan& key,
                   const NullableSpan& value, std::span<const RecordHeaderView> headers = {});

    // Writes the header and hands the batch over, whole and with its crc. The builder is empty afterwards; reset()
    // gives it another buffer. At least one record.
    Buffer finish(const BatchStamp& stamp = {});
    void reset(Buffer space);

private:
    static constexpr std::int32_t offset_delta_max = std::numeric_limits<std::int32_t>::max() - 1;

    static std::int64_t length_of(const NullableSpan& bytes) noexcept {
        return bytes ? static_cast<std::int64_t>(bytes->size()) : -1;
    }
    static std::size_t span_size(const NullableSpan& bytes) noexcept {
        return bytes ? varint_size(static_cast<std::int64_t>(bytes->size())) + bytes->size() : 1;
    }
    static std::uint8_t* store_span(std::uint8_t* to, const NullableSpan& bytes) noexcept {
        to = store_varint(to, length_of(bytes));
        if (!bytes || bytes->empty()) return to;
        std::memcpy(to, bytes->data(), bytes->size());
        return to + bytes->size();
    }
    static std::size_t headers_size(std::span<const RecordHeaderView>) noexcept;
    static std::uint8_t* store_headers(std::uint8_t* to, std::span<const RecordHeaderView>) noexcept;
    static std::int64_t body_size(std::int64_t timestamp_delta, std::int32_t offset_delta, const NullableSpan& key,
                                  const NullableSpan& value, std::span<const RecordHeaderView> headers) noexcept {
        return static_cast<std::int64_t>(1 + varint_size(timestamp_delta) + varint_size(offset_delta) + span_size(key) +
                                         span_size(value) + (headers.empty() ? 1 : headers_size(headers)));
    }
    void grow(std::size_t size);

    Buffer buffer_;
    std::uint8_t* begin_ = nullptr;  // of buffer_
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    std::size_t bytes_max_;
    std::int32_t count_ = 0;
    std::int32_t last_offset_delta_ = -1;
    std::int64_t base_timestamp_ = RecordBatchHeader::no_timestamp;
    std::int64_t max_timestamp_ = RecordBatchHeader::no_timestamp;
};

inline bool RecordBatchBuilder::append_at(std::int32_t offset_delta, std::int64_t timestamp, const NullableSpan& key,
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
    size_ = after;
    if (empty()) base_timestamp_ = max_timestamp_ = timestamp;
    if (timestamp > max_timestamp_) max_timestamp_ = timestamp;
    last_offset_delta_ = offset_delta;
    ++count_;
    return true;
}

// Writes a batch into `out` (emptied first): `header` with the right length, codec and crc, and `records`, which are
// not compressed, in the form that the codec gives them.
Result<void> compress_records(RecordBatchHeader header, ByteSpan records, CompressionType, int level, Compressor&,
                              Buffer& out);
// Compresses the records of a whole, uncompressed batch into `out` (emptied first), header and crc included.
Result<void> compress_batch(ByteSpan batch, CompressionType, int level, Compressor&, Buffer& out);

}  // namespace ottla::protocol
