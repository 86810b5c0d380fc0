// SPDX-License-Identifier: Apache-2.0
// RecordBatchBuilder: encodes records one after the other straight into a Buffer, behind room for the batch header.
// One copy of key and value, no allocation but the buffer's growth. The header is written at the end, since the
// codec, the producer's id and its sequence are known late and lie within the crc.
#pragma once

#include <cstddef>
#include <cstdint>
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
    std::size_t size() const noexcept { return buffer_.size(); }
    std::size_t bytes_max() const noexcept { return bytes_max_; }
    std::int64_t max_timestamp() const noexcept { return max_timestamp_; }

    // What append() would add to size().
    std::size_t size_of(std::int64_t timestamp, NullableSpan key, NullableSpan value,
                        std::span<const RecordHeaderView> headers = {}) const noexcept;
    // A bound of size_of() that holds for every batch and position in it, plus the header of a batch.
    static std::size_t batch_size_bound(NullableSpan key, NullableSpan value,
                                        std::span<const RecordHeaderView> headers = {}) noexcept;

    // Adds a record at the next offset; `timestamp` in ms since 1970. False, and nothing added, when it does not
    // fit below bytes_max() or the batch holds 2³¹ - 1 records.
    bool append(std::int64_t timestamp, NullableSpan key, NullableSpan value,
                std::span<const RecordHeaderView> headers = {});
    // Adds a record with an offset of its own, above the last one (compaction leaves gaps).
    bool append_at(std::int32_t offset_delta, std::int64_t timestamp, NullableSpan key, NullableSpan value,
                   std::span<const RecordHeaderView> headers = {});

    // Writes the header and hands the batch over, whole and with its crc. The builder is empty afterwards; reset()
    // gives it another buffer. At least one record.
    Buffer finish(const BatchStamp& stamp = {});
    void reset(Buffer space);

private:
    std::size_t body_size(std::int64_t timestamp_delta, std::int32_t offset_delta, NullableSpan key, NullableSpan value,
                          std::span<const RecordHeaderView> headers) const noexcept;

    Buffer buffer_;
    std::size_t bytes_max_;
    std::int32_t count_ = 0;
    std::int32_t last_offset_delta_ = -1;
    std::int64_t base_timestamp_ = RecordBatchHeader::no_timestamp;
    std::int64_t max_timestamp_ = RecordBatchHeader::no_timestamp;
};

// Compresses the records of a whole, uncompressed batch into `out` (emptied first), header and crc included.
Result<void> compress_batch(ByteSpan batch, CompressionType, int level, Compressor&, Buffer& out);

}  // namespace ottla::protocol
