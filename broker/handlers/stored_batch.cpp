// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/stored_batch.hpp"

#include <fmt/format.h>
#include <ottla/protocol/record_batch_builder.hpp>

namespace ottla::broker {

using protocol::RecordBatchHeader;

Result<ByteSpan> stored_batch(const protocol::CheckedBatch& checked, const PartitionSettings& settings,
                              BatchSpace& space) {
    RecordBatchHeader header = checked.view.header();
    // What searches by time go by has to be true. The append sets it to the broker's own time where that counts.
    const bool wrong_time = !settings.log_append_time && header.max_timestamp != checked.max_timestamp;
    if (wrong_time) header.max_timestamp = checked.max_timestamp;
    const auto codec = settings.compression.value_or(header.compression());
    if (codec != header.compression()) {
        auto done = protocol::compress_records(header, checked.uncompressed, codec, settings.compression_level,
                                               space.compressor, space.stored);
        if (!done) return done.error();
        if (space.stored.size() > settings.max_message_bytes) {
            return Error::of(ErrorCode::message_too_large,
                             fmt::format("batch of {} bytes when stored as the topic wants it ({}), at most {}",
                                         space.stored.size(), name(codec), settings.max_message_bytes));
        }
        return space.stored.span();
    }
    if (!wrong_time) return checked.view.bytes();
    space.stored.clear();
    space.stored.append(checked.view.bytes());
    protocol::patch_max_timestamp(space.stored.writable(), checked.max_timestamp);
    return space.stored.span();
}

}  // namespace ottla::broker
