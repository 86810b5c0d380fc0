// SPDX-License-Identifier: Apache-2.0
// RecordBatchBuilder: encodes records one after the other straight into a Buffer, behind room for the batch header.
// One copy of key and value, no allocation but the buffer's growth. The header is written at the end, since the
// codec, the producer's id and its sequence are known late and lie within the crc.
#pragma once

#include <algorithm>
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
    // When the crc is taken: all at the end; of most bytes soon after append() has written them, while they are in the
    // processor's cache; or never, for what is compressed afterwards.
    enum class Checksum : std::uint8_t { at_end, on_the_way, none };

    // Builds in `space`, from a pool perhaps; what it holds is dropped. append() refuses what would grow the batch
    // beyond `bytes_max`, unless it is the first record.
    explicit RecordBatchBuilder(Buffer space, std::size_t bytes_max = std::numeric_limits<std::int32_t>::max(),
                                Checksum checksum = Checksum::at_end);

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

    // Writes the header and hands the batch over, whole and with its crc, if it has one. The builder is empty
    // afterwards; reset() gives it another buffer. At least one record.
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
    static std::uint8_t* store_bytes(std::uint8_t* to, std::int64_t size, const std::uint8_t* data) noexcept {
        to = store_varint(to, size);
        if (size <= 0) return to;
        std::memcpy(to, data, static_cast<std::size_t>(size));
        return to + size;
    }
    static std::size_t headers_size(std::span<const RecordHeaderView>) noexcept;
    static std::uint8_t* store_headers(std::uint8_t* to, std::span<const RecordHeaderView>) noexcept;
    static std::int64_t body_size(std::int64_t timestamp_delta, std::int32_t offset_delta, const NullableSpan& key,
                                  const NullableSpan& value, std::span<const RecordHeaderView> headers) noexcept {
        return static_cast<std::int64_t>(1 + varint_size(timestamp_delta) + varint_size(offset_delta) + span_size(key) +
                                         span_size(value) + (headers.empty() ? 1 : headers_size(headers)));
    }
    void grow(std::size_t size);
    void sum_up();
    bool append_counted(std::int32_t offset_delta, std::int64_t timestamp, const NullableSpan& key,
                        const NullableSpan& value, std::span<const RecordHeaderView> headers);
    void note_added(std::size_t size, std::int32_t offset_delta, std::int64_t timestamp) noexcept {
        size_ = size;
        if (empty()) base_timestamp_ = max_timestamp_ = timestamp;
        if (timestamp > max_timestamp_) max_timestamp_ = timestamp;
        last_offset_delta_ = offset_delta;
        ++count_;
        if (size_ >= sum_at_) [[unlikely]]
            sum_up();
    }
    // Besides key and value a record takes its length (2 here), attributes 1, timestamp delta 10, offset delta 5, the
    // sizes of key and value 2 each, a count of headers 1; at least 5 of it count for its length.
    static constexpr std::size_t fields_most = 23;
    static constexpr std::size_t two_byte_least = 64;
    static constexpr std::size_t two_byte_most = 8191 - fields_most;
    // So many bytes at least are summed up at once, but for the last.
    static constexpr std::size_t sum_step = 4096;

    Buffer buffer_;
    std::uint8_t* begin_ = nullptr;  // of buffer_
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    std::size_t bytes_max_;
    std::size_t sum_at_ = 0;  // the size from which on it is time to sum up
    std::int32_t count_ = 0;
    std::int32_t last_offset_delta_ = -1;
    std::int64_t base_timestamp_ = RecordBatchHeader::no_timestamp;
    std::int64_t max_timestamp_ = RecordBatchHeader::no_timestamp;
    Checksum checksum_;
    std::uint32_t sum_ = 0;  // of the records
    std::size_t summed_to_ = 0;
};

inline bool RecordBatchBuilder::append_at(std::int32_t offset_delta, std::int64_t timestamp, const NullableSpan& key,
                                          const NullableSpan& value, std::span<const RecordHeaderView> headers) {
    // Most records are so large that their length takes two bytes, whatever the other fields come to: then nothing has
    // to be counted beforehand. In locals, for the bytes written might be anybody's.
    const std::int64_t key_size = length_of(key), value_size = length_of(value);
    const auto payload =
        static_cast<std::size_t>(std::max<std::int64_t>(key_size, 0) + std::max<std::int64_t>(value_size, 0));
    if (payload - two_byte_least <= two_byte_most - two_byte_least && headers.empty() &&
        size_ + payload + fields_most <= std::min(capacity_, bytes_max_)) [[likely]] {
        const std::uint8_t* const key_data = key_size > 0 ? key->data() : nullptr;
        const std::uint8_t* const value_data = value_size > 0 ? value->data() : nullptr;
        std::uint8_t* const begin = begin_;
        std::uint8_t* const start = begin + size_ + 2;
        const std::int64_t timestamp_delta = empty() ? 0 : timestamp - base_timestamp_;
        std::uint8_t* to = start;
        *to++ = 0;
        to = store_varint(to, timestamp_delta);
        to = store_varint(to, offset_delta);
        to = store_bytes(to, key_size, key_data);
        to = store_bytes(to, value_size, value_data);
        *to++ = 0;
        const auto length = static_cast<std::uint64_t>(to - start) << 1;
        start[-2] = static_cast<std::uint8_t>(length | 0x80);
        start[-1] = static_cast<std::uint8_t>(length >> 7);
        note_added(static_cast<std::size_t>(to - begin), offset_delta, timestamp);
        return true;
    }
    return append_counted(offset_delta, timestamp, key, value, headers);
}

// Writes a batch into `out` (emptied first): `header` with the right length, codec and crc, and `records`, which are
// not compressed, in the form that the codec gives them.
Result<void> compress_records(RecordBatchHeader header, ByteSpan records, CompressionType, int level, Compressor&,
                              Buffer& out);
// Compresses the records of a whole, uncompressed batch into `out` (emptied first), header and crc included.
Result<void> compress_batch(ByteSpan batch, CompressionType, int level, Compressor&, Buffer& out);

}  // namespace ottla::protocol
