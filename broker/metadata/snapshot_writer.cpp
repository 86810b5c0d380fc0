// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/snapshot_writer.hpp"

#include <ottla/protocol/messages/snapshot_footer_record.hpp>
#include <ottla/protocol/messages/snapshot_header_record.hpp>
#include <ottla/protocol/writer.hpp>

namespace ottla::broker {
namespace {

// As many records as Kafka puts into a batch; and far fewer bytes than its largest (8 MiB).
constexpr std::int32_t snapshot_batch_count_max = 1024;
constexpr std::size_t snapshot_batch_bytes = 1 << 20;

template <class Message>
Result<Bytes> control_value(const Message& message) {
    protocol::Writer writer;
    if (auto written = encode(writer, message, 0); !written) return written.error();
    return writer.finish().flatten();
}

}  // namespace

SnapshotWriter::SnapshotWriter(Sink sink, std::int32_t epoch, std::int64_t now_ms)
    : sink_(std::move(sink)),
      epoch_(epoch),
      now_ms_(now_ms),
      batch_(Buffer(4096)) {}

Result<void> SnapshotWriter::end_batch(bool control) {
    if (batch_.empty()) return ok();
    protocol::BatchStamp stamp;
    stamp.base_offset = next_offset_;
    stamp.leader_epoch = epoch_;
    stamp.control = control;
    next_offset_ += batch_.count();
    auto bytes = batch_.finish(stamp);
    auto taken = sink_(bytes.span());
    batch_.reset(std::move(bytes));
    return taken;
}

Result<void> SnapshotWriter::control(protocol::ControlRecordType type, const Bytes& value) {
    const protocol::ControlKey key(type);
    batch_.append(now_ms_, key.span(), value.span());
    return end_batch(true);
}

Result<void> SnapshotWriter::begin(std::int64_t last_contained_log_timestamp) {
    protocol::SnapshotHeaderRecord header;
    header.last_contained_log_timestamp = last_contained_log_timestamp;
    const auto value = control_value(header);
    if (!value) return value.error();
    return control(protocol::ControlRecordType::snapshot_header, *value);
}

Result<void> SnapshotWriter::add(const MetadataRecord& record) {
    const auto bytes = encode_record(record);
    if (!bytes) return bytes.error();
    batch_.append(now_ms_, std::nullopt, bytes->span());
    if (batch_.count() < snapshot_batch_count_max && batch_.size() < snapshot_batch_bytes) return ok();
    return end_batch(false);
}

Result<void> SnapshotWriter::finish() {
    if (auto ended = end_batch(false); !ended) return ended;
    const auto value = control_value(protocol::SnapshotFooterRecord{});
    if (!value) return value.error();
    return control(protocol::ControlRecordType::snapshot_footer, *value);
}

}  // namespace ottla::broker
