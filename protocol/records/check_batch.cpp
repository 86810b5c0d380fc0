// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/check_batch.hpp>

#include <fmt/format.h>

namespace ottla::protocol {

namespace {

Error invalid(std::string_view why) { return Error::of(ErrorCode::invalid_record).with_context(why); }

// What the header alone tells.
Result<void> check_header(const RecordBatchView& view, const BatchRules& rules) {
    const RecordBatchHeader& h = view.header();
    if (h.is_control()) return invalid("clients may not write control records");
    const std::int64_t offsets = std::int64_t{h.last_offset_delta} + 1;
    if (h.count == 0 || h.count != offsets) return invalid(fmt::format("{} records over {} offsets", h.count, offsets));
    if (h.has_producer_id() && (h.base_sequence < 0 || h.producer_epoch < 0))
        return invalid("a producer id without epoch and sequence");
    if (h.is_transactional() && !h.has_producer_id()) return invalid("a transactional batch without a producer id");
    if (h.delete_horizon_ms()) return invalid("clients may not set a delete horizon");
    if (h.timestamp_type() == TimestampType::log_append_time)
        return Error::of(ErrorCode::invalid_timestamp)
            .with_context("clients may not set the timestamp type LogAppendTime");
    if (!h.has_known_codec() || (h.compression() == CompressionType::zstd && !rules.zstd_allowed))
        return Error::of(ErrorCode::unsupported_compression_type);
    return ok();
}

// Walks every record down to its headers, and notes the timestamps.
Result<void> check_records(RecordReader records, CheckedBatch& out) {
    std::int64_t index = 0;
    // An offset may be anything, so that the next one may wrap.
    auto expected = static_cast<std::uint64_t>(out.view.header().base_offset);
    for (RecordView r; records.next(r); ++index, ++expected) {
        if (static_cast<std::uint64_t>(r.offset) != expected)
            return invalid(fmt::format("record {} does not have the next offset", index));
        if (!r.headers.well_formed()) return invalid(fmt::format("record {} has malformed headers", index));
        if (!r.key) out.all_have_keys = false;
        if (index == 0 || r.timestamp < out.min_timestamp) out.min_timestamp = r.timestamp;
        if (index == 0 || r.timestamp > out.max_timestamp) {
            out.max_timestamp = r.timestamp;
            out.offset_of_max_timestamp = index;
        }
    }
    if (!records.complete()) return invalid(fmt::format("record {} is malformed, or bytes follow the last", index));
    return ok();
}

}  // namespace

Result<CheckedBatch> check_produced_batch(ByteSpan records, const BatchRules& rules, Decompressor& decompressor,
                                          Buffer& space) {
    if (records.empty()) return invalid("no record batch");
    auto view = RecordBatchView::parse(records);
    if (!view) {
        if (view.error() == ErrorCode::unsupported_for_message_format) return invalid("a batch that is not of magic 2");
        return view.error();
    }
    if (view->bytes().size() != records.size()) return invalid("more than one record batch");
    if (records.size() > rules.batch_bytes_max)
        return Error::of(ErrorCode::message_too_large)
            .with_context(fmt::format("batch of {} bytes, at most {}", records.size(), rules.batch_bytes_max));
    if (!view->check_crc()) return Error::of(ErrorCode::corrupt_message).with_context("record batch with a wrong crc");
    if (auto good = check_header(*view, rules); !good) return good.error();

    CheckedBatch out;
    out.view = *view;
    auto reader = view->records(decompressor, rules.decompressed_bytes_max, space);
    if (!reader) return invalid(reader.error().text());
    out.uncompressed = view->is_compressed() ? space.span() : view->payload();
    if (auto good = check_records(*reader, out); !good) return good.error();
    return out;
}

}  // namespace ottla::protocol
