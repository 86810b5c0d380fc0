// SPDX-License-Identifier: Apache-2.0
#include "broker/log/producer_snapshot.hpp"

#include <fmt/core.h>
#include <ottla/protocol/big_endian.hpp>

#include "base/crc32c.hpp"

namespace ottla::broker::log {

using protocol::load_big;
using protocol::store_big;

namespace {

constexpr std::int16_t snapshot_version = 1;
constexpr std::size_t crc_at = 2, crc_from = 6, entries_at = 10;

Error corrupt_snapshot(std::string why) {
    return Error::of(ErrorCode::corrupt_storage, "producer snapshot: " + std::move(why));
}

ProducerEntry read_entry(const std::uint8_t* from) {
    ProducerEntry e;
    e.producer_id = load_big<std::int64_t>(from);
    e.epoch = load_big<std::int16_t>(from + 8);
    e.last_sequence = load_big<std::int32_t>(from + 10);
    e.last_offset = load_big<std::int64_t>(from + 14);
    e.offset_delta = load_big<std::int32_t>(from + 22);
    e.timestamp = load_big<std::int64_t>(from + 26);
    e.coordinator_epoch = load_big<std::int32_t>(from + 34);
    e.transaction_first_offset = load_big<std::int64_t>(from + 38);
    return e;
}

void write_entry(const ProducerEntry& e, std::uint8_t* to) {
    store_big(to, e.producer_id);
    store_big(to + 8, e.epoch);
    store_big(to + 10, e.last_sequence);
    store_big(to + 14, e.last_offset);
    store_big(to + 22, e.offset_delta);
    store_big(to + 26, e.timestamp);
    store_big(to + 34, e.coordinator_epoch);
    store_big(to + 38, e.transaction_first_offset);
}

}  // namespace

Result<std::vector<ProducerEntry>> parse_producer_snapshot(ByteSpan bytes) {
    if (bytes.size() < entries_at) return corrupt_snapshot(fmt::format("{} bytes are too few", bytes.size()));
    if (const auto version = load_big<std::int16_t>(bytes.data()); version != snapshot_version)
        return Error::of(ErrorCode::unsupported_version, fmt::format("producer snapshot of version {}", version));
    if (load_big<std::uint32_t>(bytes.data() + crc_at) != base::crc32c(bytes.subspan(crc_from)))
        return corrupt_snapshot("the checksum is wrong");
    const auto count = load_big<std::int32_t>(bytes.data() + crc_from);
    if (count < 0 || (bytes.size() - entries_at) / ProducerEntry::size != static_cast<std::size_t>(count) ||
        (bytes.size() - entries_at) % ProducerEntry::size != 0)
        return corrupt_snapshot(fmt::format("{} entries in {} bytes", count, bytes.size()));
    std::vector<ProducerEntry> entries;
    for (std::size_t at = entries_at; at < bytes.size(); at += ProducerEntry::size)
        entries.push_back(read_entry(bytes.data() + at));
    return entries;
}

std::string producer_snapshot_bytes(std::span<const ProducerEntry> entries) {
    std::string text(entries_at + entries.size() * ProducerEntry::size, '\0');
    auto* bytes = reinterpret_cast<std::uint8_t*>(text.data());
    store_big(bytes, snapshot_version);
    store_big(bytes + crc_from, static_cast<std::int32_t>(entries.size()));
    for (std::size_t i = 0; i < entries.size(); ++i)
        write_entry(entries[i], bytes + entries_at + i * ProducerEntry::size);
    store_big(bytes + crc_at, base::crc32c(ByteSpan(bytes, text.size()).subspan(crc_from)));
    return text;
}

}  // namespace ottla::broker::log
