// SPDX-License-Identifier: Apache-2.0
// What a topic's configuration asks of a produced batch whose shape is already checked.
#pragma once

#include <cstdint>
#include <vector>

#include <ottla/protocol/check_batch.hpp>
#include <ottla/protocol/messages/produce_response.hpp>
#include <ottla/result.hpp>
#include "broker/partitions/partition.hpp"

namespace ottla::broker {

using RecordError = protocol::ProduceResponse::BatchIndexAndErrorMessage;

// Of the bad records so many are named at most: an answer does not grow with what a small request unpacks to.
inline constexpr std::size_t record_errors_max = 1000;

// Keys where the topic is compacted; create times near enough to `now_ms`, but for records without a time.
//   invalid_timestamp  a time is out of bounds
//   invalid_record     a key is missing
// The bad records are added to `errors`, first ones first (KIP-467); the rest of the batch is refused with them.
Result<void> check_records_for_topic(const protocol::CheckedBatch&, const PartitionSettings&, std::int64_t now_ms,
                                     std::vector<RecordError>& errors);

}  // namespace ottla::broker
