// SPDX-License-Identifier: Apache-2.0
// Dumping what a log remembers of producers: aborted transactions and the snapshots of producer state.
#include <fmt/format.h>

#include <ottla/protocol/big_endian.hpp>

#include "base/crc32c.hpp"
#include "broker/log/dump/dump.hpp"
#include "broker/log/index_entries.hpp"
#include "broker/log/producer_snapshot.hpp"

namespace ottla::broker::log::dump {
namespace {

constexpr std::size_t state_bytes_max = 1U << 30;

// Why a snapshot can't be read, as Kafka's tool says it.
std::string snapshot_fault(ByteSpan bytes, const Error& error) {
    constexpr std::size_t crc_at = 2, crc_from = 6, header_bytes = 10;
    if (bytes.size() >= 2) {
        const auto version = protocol::load_big<std::int16_t>(bytes.data());
        if (error == ErrorCode::unsupported_version)
            return fmt::format("Snapshot failed schema validation: Snapshot contained an unknown file version {}\n",
                               version);
    }
    const auto count = bytes.size() < header_bytes ? 0 : protocol::load_big<std::int32_t>(bytes.data() + crc_from);
    const bool whole = bytes.size() >= header_bytes && count >= 0 &&
                       (bytes.size() - header_bytes) / ProducerEntry::size >= static_cast<std::size_t>(count);
    if (!whole) return "Snapshot failed schema validation: null\n";
    return fmt::format("Snapshot is corrupt (CRC is no longer valid). Stored crc: {}. Computed crc: {}\n",
                       protocol::load_big<std::uint32_t>(bytes.data() + crc_at), base::crc32c(bytes.subspan(crc_from)));
}

std::string snapshot_line(const ProducerEntry& entry) {
    auto line = fmt::format(
        "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} lastTimestamp: {}",
        entry.producer_id, entry.epoch, entry.coordinator_epoch,
        entry.transaction_first_offset >= 0 ? fmt::format("OptionalLong[{}]", entry.transaction_first_offset)
                                            : std::string("OptionalLong.empty"),
        entry.timestamp);
    if (entry.last_offset >= 0) {
        // Sequences wrap at 2³¹.
        const auto first =
            (static_cast<std::uint32_t>(entry.last_sequence) - static_cast<std::uint32_t>(entry.offset_delta)) &
            0x7FFFFFFFU;
        line += fmt::format(" firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}", first,
                            entry.last_sequence, entry.last_offset, entry.offset_delta, entry.timestamp);
    }
    return line + '\n';
}

}  // namespace

Result<void> Dump::transaction_index(const std::string& path) {
    const auto text = read_text(disk_, path, state_bytes_max);
    if (!text) return text.error();
    const auto bytes = as_bytes(*text);
    for (std::size_t at = 0; bytes.size() - at >= TransactionIndexEntry::size; at += TransactionIndexEntry::size) {
        std::int16_t version = 0;
        const auto entry = TransactionIndexEntry::read(bytes.data() + at, version);
        text_ += fmt::format("version: {} producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}\n",
                             TransactionIndexEntry::version, entry.producer_id, entry.first_offset, entry.last_offset,
                             entry.last_stable_offset);
    }
    return ok();
}

Result<void> Dump::producer_snapshot(const std::string& path) {
    const auto text = read_text(disk_, path, state_bytes_max);
    if (!text) return text.error();
    const auto entries = parse_producer_snapshot(as_bytes(*text));
    if (!entries) {
        flush();
        remarks_(snapshot_fault(as_bytes(*text), entries.error()));
        return ok();
    }
    for (const auto& entry : *entries) text_ += snapshot_line(entry);
    return ok();
}

}  // namespace ottla::broker::log::dump
