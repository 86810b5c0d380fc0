// SPDX-License-Identifier: Apache-2.0
// The form in which a produced batch goes into the log: still one batch with the same records, offsets and producer
// fields, and mostly the very bytes that came.
#pragma once

#include <ottla/protocol/check_batch.hpp>
#include <ottla/result.hpp>
#include "broker/partitions/partition.hpp"
#include "broker/server/shard.hpp"

namespace ottla::broker {

// Compressed as the topic wants it (equal codecs are equal enough, whatever their levels), with the largest timestamp
// of its records in the header. Valid as long as the batch that was checked, and until `space` is used again. The work
// is done here and now: batches of a connection must stay in order.
//   message_too_large  it came small enough, but is not in its new form
Result<ByteSpan> stored_batch(const protocol::CheckedBatch&, const PartitionSettings&, BatchSpace& space);

}  // namespace ottla::broker
