// SPDX-License-Identifier: Apache-2.0
// Record batches of format v2 (magic 2, KIP-98) as they lie on the wire and in the log. All numbers big-endian:
//
//    0 base offset i64       8 length i32 (what follows it)   12 leader epoch i32   16 magic i8
//   17 crc u32 (from 21 on)  21 attributes i16                23 last offset delta i32
//   27 base timestamp i64    35 max timestamp i64             43 producer id i64    51 producer epoch i16
//   53 base sequence i32     57 count i32                     61 records, compressed or not
//
// Base offset and leader epoch lie before the crc: a broker writes them in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <ottla/bytes.hpp>
#include <ottla/protocol/big_endian.hpp>
#include <ottla/protocol/compression.hpp>
#include <ottla/protocol/compression_type.hpp>
#include <ottla/protocol/record.hpp>
#include <ottla/result.hpp>

namespace ottla::protocol {

enum class TimestampType : std::uint8_t { create_time = 0, log_append_time = 1 };

struct RecordBatchHeader {
    static constexpr std::size_t size = 61;
    // Base offset and length, which the length field does not count.
    static constexpr std::size_t overhead = 12;
    static constexpr std::int8_t current_magic = 2;
    static constexpr std::int64_t no_producer_id = -1;
    static constexpr std::int16_t no_producer_epoch = -1;
    static constexpr std::int32_t no_sequence = -1;
    static constexpr std::int32_t no_leader_epoch = -1;
    static constexpr std::int64_t no_timestamp = -1;

    // Bits of `attributes`; 0 … 2 are the codec.
    static constexpr std::int16_t codec_mask = 0x07;
    static constexpr std::int16_t log_append_time_bit = 0x08;
    static constexpr std::int16_t transactional_bit = 0x10;
    static constexpr std::int16_t control_bit = 0x20;
    static constexpr std::int16_t delete_horizon_bit = 0x40;

    std::int64_t base_offset = 0;
    std::int32_t length = 0;
    std::int32_t leader_epoch = no_leader_epoch;
    std::int8_t magic = current_magic;
    std::uint32_t crc = 0;
    std::int16_t attributes = 0;
    std::int32_t last_offset_delta = 0;
    std::int64_t base_timestamp = no_timestamp;
    std::int64_t max_timestamp = no_timestamp;
    std::int64_t producer_id = no_producer_id;
    std::int16_t producer_epoch = no_producer_epoch;
    std::int32_t base_sequence = no_sequence;
    std::int32_t count = 0;

    // 61 bytes from, or to, this address.
    static RecordBatchHeader read(const std::uint8_t* from) noexcept;
    void write(std::uint8_t* to) const noexcept;

    // Header and records.
    std::size_t total_size() const noexcept { return overhead + static_cast<std::size_t>(length); }
    // Both wrap where a damaged header leads beyond the largest offset.
    std::int64_t last_offset() const noexcept { return offset_after(last_offset_delta); }
    std::int64_t next_offset() const noexcept { return offset_after(std::int64_t{last_offset_delta} + 1); }
    // The sequence of the last record; wraps at 2³¹.
    std::int32_t last_sequence() const noexcept;
    // Not always a codec that exists: ask has_known_codec().
    CompressionType compression() const noexcept { return static_cast<CompressionType>(attributes & codec_mask); }
    bool has_known_codec() const noexcept { return (attributes & codec_mask) <= 4; }
    TimestampType timestamp_type() const noexcept {
        return (attributes & log_append_time_bit) != 0 ? TimestampType::log_append_time : TimestampType::create_time;
    }
    bool is_transactional() const noexcept { return (attributes & transactional_bit) != 0; }
    bool is_control() const noexcept { return (attributes & control_bit) != 0; }
    bool has_producer_id() const noexcept { return producer_id > no_producer_id; }
    // When tombstones and markers of this batch may go, in ms since 1970 (KIP-534); it replaces the base timestamp.
    std::optional<std::int64_t> delete_horizon_ms() const noexcept {
        if ((attributes & delete_horizon_bit) == 0) return std::nullopt;
        return base_timestamp;
    }

    friend bool operator==(const RecordBatchHeader&, const RecordBatchHeader&) = default;

private:
    std::int64_t offset_after(std::int64_t delta) const noexcept {
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(base_offset) + static_cast<std::uint64_t>(delta));
    }
};

// One whole batch, where it lies. The bytes must outlive the view.
class RecordBatchView {
public:
    RecordBatchView() noexcept = default;

    // The batch at the start of `bytes`, which may go on behind it. The shape is checked, not the crc:
    //   corrupt_message                 shorter than it says, or a length or count that can't be
    //   unsupported_for_message_format  magic 0 or 1, or one that is not known
    static Result<RecordBatchView> parse(ByteSpan bytes);

    const RecordBatchHeader& header() const noexcept { return header_; }
    // Header and records.
    ByteSpan bytes() const noexcept { return bytes_; }
    // What follows the header, compressed or not.
    ByteSpan payload() const noexcept { return bytes_.subspan(RecordBatchHeader::size); }
    bool is_compressed() const noexcept { return header_.compression() != CompressionType::none; }

    bool check_crc() const noexcept;

    // The records of a batch that is not compressed.
    RecordReader records() const noexcept { return records(payload()); }
    // The records in `uncompressed`, to which payload() was decompressed.
    RecordReader records(ByteSpan uncompressed) const noexcept {
        RecordReader::Base base;
        base.offset = header_.base_offset;
        base.timestamp = header_.base_timestamp;
        if (header_.timestamp_type() == TimestampType::log_append_time)
            base.log_append_timestamp = header_.max_timestamp;
        return RecordReader(uncompressed, header_.count, base);
    }
    // The records wherever they are: of a compressed batch, decompressed into `space` (emptied first), which must
    // outlive what is read. Errors of Decompressor::decompress.
    Result<RecordReader> records(Decompressor&, std::size_t bytes_max, Buffer& space) const;

private:
    RecordBatchView(const RecordBatchHeader& header, ByteSpan bytes) noexcept : header_(header), bytes_(bytes) {}

    RecordBatchHeader header_;
    ByteSpan bytes_;
};

// Walks batches that lie back to back, as in a fetch response or a segment; the last may be cut off.
class RecordBatchReader {
public:
    explicit RecordBatchReader(ByteSpan bytes) noexcept : rest_(bytes), size_(bytes.size()) {}

    // The next whole batch; nothing at the end and before a cut-off batch. An error stops the walk.
    Result<std::optional<RecordBatchView>> next();

    // How many bytes whole batches took so far.
    std::size_t position() const noexcept { return size_ - rest_.size(); }
    // What next() has not taken: after its last answer, the beginning of a batch that was cut off.
    ByteSpan rest() const noexcept { return rest_; }

private:
    ByteSpan rest_;
    std::size_t size_;
};

// In place, outside the crc. `batch` holds at least a header.
void patch_base_offset(std::span<std::uint8_t> batch, std::int64_t base_offset) noexcept;
void patch_leader_epoch(std::span<std::uint8_t> batch, std::int32_t leader_epoch) noexcept;
// In place, inside the crc: the crc is counted anew. `batch` is one whole batch.
void patch_log_append_time(std::span<std::uint8_t> batch, std::int64_t timestamp_ms) noexcept;
void patch_max_timestamp(std::span<std::uint8_t> batch, std::int64_t timestamp_ms) noexcept;
// For a batch whose crc is not counted yet: patch_crc() must follow.
void patch_producer(std::span<std::uint8_t> batch, std::int64_t producer_id, std::int16_t producer_epoch,
                    std::int32_t base_sequence) noexcept;
void patch_crc(std::span<std::uint8_t> batch) noexcept;
// The same where the checksum of what follows the header is known already.
void patch_crc(std::span<std::uint8_t> batch, std::uint32_t crc_of_records) noexcept;

}  // namespace ottla::protocol
