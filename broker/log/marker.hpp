// SPDX-License-Identifier: Apache-2.0
// The transaction marker in a control batch.
#pragma once

#include <optional>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch.hpp>

namespace ottla::broker::log {

// `payload`: what follows the header, not compressed. Nothing when it holds something else, or nothing any more.
inline std::optional<protocol::EndTransactionMarker> marker_in(const protocol::RecordBatchHeader& header,
                                                               ByteSpan payload) {
    protocol::RecordReader::Base base;
    base.offset = header.base_offset;
    protocol::RecordReader records(payload, header.count, base);
    protocol::RecordView record;
    if (!records.next(record)) return std::nullopt;
    const auto marker = protocol::EndTransactionMarker::parse(record);
    return marker ? std::optional(*marker) : std::nullopt;
}

}  // namespace ottla::broker::log
