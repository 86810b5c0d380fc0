// SPDX-License-Identifier: Apache-2.0
// SnapshotWriter: the batches of a metadata snapshot (KIP-630): a SnapshotHeader control batch, the records, a
// SnapshotFooter control batch. Offsets count from 0; all batches have the epoch of the snapshot's last record.
#pragma once

#include <cstdint>

#include <ottla/bytes.hpp>
#include <ottla/function.hpp>
#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch_builder.hpp>
#include <ottla/result.hpp>
#include "broker/metadata/records.hpp"

namespace ottla::broker {

class SnapshotWriter {
public:
    using Sink = Function<Result<void>(ByteSpan)>;
    // `sink` takes one batch after the other; its error ends the writing.
    SnapshotWriter(Sink sink, std::int32_t epoch, std::int64_t now_ms);

    // In this order.
    Result<void> begin(std::int64_t last_contained_log_timestamp);
    Result<void> add(const MetadataRecord&);
    Result<void> finish();

private:
    Result<void> control(protocol::ControlRecordType, const Bytes& value);
    Result<void> end_batch(bool control);

    Sink sink_;
    std::int32_t epoch_;
    std::int64_t now_ms_;
    std::int64_t next_offset_ = 0;
    protocol::RecordBatchBuilder batch_;
};

}  // namespace ottla::broker
