// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/record_batch.hpp>

#include <utility>

#include "base/crc32c.hpp"

namespace ottla::protocol {

namespace {

constexpr std::size_t length_at = 8;
constexpr std::size_t leader_epoch_at = 12;
constexpr std::size_t magic_at = 16;
constexpr std::size_t crc_at = 17;
constexpr std::size_t attributes_at = 21;
constexpr std::size_t max_timestamp_at = 35;
constexpr std::size_t producer_id_at = 43;
constexpr std::size_t producer_epoch_at = 51;
constexpr std::size_t base_sequence_at = 53;

std::uint32_t crc_of(ByteSpan batch) noexcept { return base::crc32c(batch.subspan(attributes_at)); }

}  // namespace

RecordBatchHeader RecordBatchHeader::read(const std::uint8_t* from) noexcept {
    RecordBatchHeader h;
    h.base_offset = load_big<std::int64_t>(from);
    h.length = load_big<std::int32_t>(from + length_at);
    h.leader_epoch = load_big<std::int32_t>(from + leader_epoch_at);
    h.magic = load_big<std::int8_t>(from + magic_at);
    h.crc = load_big<std::uint32_t>(from + crc_at);
    h.attributes = load_big<std::int16_t>(from + attributes_at);
    h.last_offset_delta = load_big<std::int32_t>(from + 23);
    h.base_timestamp = load_big<std::int64_t>(from + 27);
    h.max_timestamp = load_big<std::int64_t>(from + max_timestamp_at);
    h.producer_id = load_big<std::int64_t>(from + producer_id_at);
    h.producer_epoch = load_big<std::int16_t>(from + producer_epoch_at);
    h.base_sequence = load_big<std::int32_t>(from + base_sequence_at);
    h.count = load_big<std::int32_t>(from + 57);
    return h;
}

void RecordBatchHeader::write(std::uint8_t* to) const noexcept {
    store_big(to, base_offset);
    store_big(to + length_at, length);
    store_big(to + leader_epoch_at, leader_epoch);
    store_big(to + magic_at, magic);
    store_big(to + crc_at, crc);
    store_big(to + attributes_at, attributes);
    store_big(to + 23, last_offset_delta);
    store_big(to + 27, base_timestamp);
    store_big(to + max_timestamp_at, max_timestamp);
    store_big(to + producer_id_at, producer_id);
    store_big(to + producer_epoch_at, producer_epoch);
    store_big(to + base_sequence_at, base_sequence);
    store_big(to + 57, count);
}

std::int32_t RecordBatchHeader::last_sequence() const noexcept {
    if (base_sequence == no_sequence) return no_sequence;
    return static_cast<std::int32_t>((std::int64_t{base_sequence} + last_offset_delta) & 0x7fffffff);
}

Result<RecordBatchView> RecordBatchView::parse(ByteSpan bytes) {
    // The magic stands at the same place in every format, so that an old one is told from broken bytes.
    if (bytes.size() > magic_at) {
        const auto magic = load_big<std::int8_t>(bytes.data() + magic_at);
        if (magic == 0 || magic == 1)
            return Error::of(ErrorCode::unsupported_for_message_format)
                .with_context("record batch of an old format (magic 0 or 1)");
        if (magic != RecordBatchHeader::current_magic)
            return Error::of(ErrorCode::unsupported_for_message_format)
                .with_context("record batch of an unknown format");
    }
    if (bytes.size() < RecordBatchHeader::size)
        return Error::of(ErrorCode::corrupt_message).with_context("record batch shorter than its header");
    const RecordBatchHeader header = RecordBatchHeader::read(bytes.data());
    constexpr auto length_min = static_cast<std::int32_t>(RecordBatchHeader::size - RecordBatchHeader::overhead);
    if (header.length < length_min || header.total_size() > bytes.size())
        return Error::of(ErrorCode::corrupt_message).with_context("record batch with a length that can't be");
    const std::size_t payload = header.total_size() - RecordBatchHeader::size;
    const bool compressed = (header.attributes & RecordBatchHeader::codec_mask) != 0;
    if (header.count < 0 || header.last_offset_delta < 0 || header.count - 1 > header.last_offset_delta ||
        (!compressed && static_cast<std::size_t>(header.count) > payload / RecordReader::record_size_min) ||
        (compressed && header.count > 0 && payload == 0))
        return Error::of(ErrorCode::corrupt_message).with_context("record batch with a count that can't be");
    return RecordBatchView(header, bytes.first(header.total_size()));
}

bool RecordBatchView::check_crc() const noexcept { return crc_of(bytes_) == header_.crc; }

Result<RecordReader> RecordBatchView::records(Decompressor& decompressor, std::size_t bytes_max, Buffer& space) const {
    if (!is_compressed()) return records();
    space.clear();
    if (auto done = decompressor.decompress(header_.compression(), payload(), bytes_max, space); !done)
        return done.error();
    return records(space.span());
}

Result<std::optional<RecordBatchView>> RecordBatchReader::next() {
    std::optional<RecordBatchView> none;
    if (rest_.size() <= magic_at) return none;
    const auto length = load_big<std::int32_t>(rest_.data() + length_at);
    // Only a length that could be is worth waiting for; parse() names what is wrong with the others.
    if (length >= 0 && RecordBatchHeader::overhead + static_cast<std::size_t>(length) > rest_.size()) return none;
    auto batch = RecordBatchView::parse(rest_);
    if (!batch) return batch.error();
    rest_ = rest_.subspan(batch->bytes().size());
    return std::optional<RecordBatchView>(*batch);
}

void patch_base_offset(std::span<std::uint8_t> batch, std::int64_t base_offset) noexcept {
    store_big(batch.data(), base_offset);
}

void patch_leader_epoch(std::span<std::uint8_t> batch, std::int32_t leader_epoch) noexcept {
    store_big(batch.data() + leader_epoch_at, leader_epoch);
}

void patch_log_append_time(std::span<std::uint8_t> batch, std::int64_t timestamp_ms) noexcept {
    const auto attributes = load_big<std::int16_t>(batch.data() + attributes_at);
    store_big(batch.data() + attributes_at,
              static_cast<std::int16_t>(attributes | RecordBatchHeader::log_append_time_bit));
    patch_max_timestamp(batch, timestamp_ms);
}

void patch_max_timestamp(std::span<std::uint8_t> batch, std::int64_t timestamp_ms) noexcept {
    store_big(batch.data() + max_timestamp_at, timestamp_ms);
    patch_crc(batch);
}

void patch_producer(std::span<std::uint8_t> batch, std::int64_t producer_id, std::int16_t producer_epoch,
                    std::int32_t base_sequence) noexcept {
    store_big(batch.data() + producer_id_at, producer_id);
    store_big(batch.data() + producer_epoch_at, producer_epoch);
    store_big(batch.data() + base_sequence_at, base_sequence);
}

void patch_crc(std::span<std::uint8_t> batch) noexcept { store_big(batch.data() + crc_at, crc_of(batch)); }

void patch_crc(std::span<std::uint8_t> batch, std::uint32_t crc_of_records) noexcept {
    const std::uint32_t head = crc_of(batch.first(RecordBatchHeader::size));
    store_big(batch.data() + crc_at,
              base::crc32c_of_both(head, crc_of_records, batch.size() - RecordBatchHeader::size));
}

}  // namespace ottla::protocol
