// SPDX-License-Identifier: Apache-2.0
// Control records: what a batch with the control bit holds. The key is version i16, type i16; the value of a
// transaction marker is version i16, coordinator epoch i32. (The quorum's own control values are messages.)
#pragma once

#include <cstddef>
#include <cstdint>

#include <ottla/bytes.hpp>
#include <ottla/protocol/record.hpp>
#include <ottla/result.hpp>

namespace ottla::protocol {

enum class ControlRecordType : std::int16_t {
    abort = 0,
    commit = 1,
    leader_change = 2,
    snapshot_header = 3,
    snapshot_footer = 4,
    kraft_version = 5,
    kraft_voters = 6,
};

// The type of a control record; one that this release does not know comes as its number. corrupt_message when the
// key is too short or of a negative version.
Result<ControlRecordType> control_record_type(const RecordView&);

// The four bytes of a control record's key.
struct ControlKey {
    explicit ControlKey(ControlRecordType) noexcept;
    ByteSpan span() const noexcept { return {bytes_, sizeof bytes_}; }

private:
    std::uint8_t bytes_[4];
};

// The marker that ends a transaction in a partition.
struct EndTransactionMarker {
    bool committed = false;
    std::int32_t coordinator_epoch = 0;

    // corrupt_message when the record is no such marker.
    static Result<EndTransactionMarker> parse(const RecordView&);
    friend bool operator==(const EndTransactionMarker&, const EndTransactionMarker&) = default;
};

// A whole batch with one marker.
Buffer build_marker_batch(std::int64_t base_offset, std::int32_t leader_epoch, std::int64_t timestamp_ms,
                          std::int64_t producer_id, std::int16_t producer_epoch, const EndTransactionMarker&);

}  // namespace ottla::protocol
