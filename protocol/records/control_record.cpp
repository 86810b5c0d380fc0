// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/control_record.hpp>

#include <ottla/protocol/record_batch_builder.hpp>

namespace ottla::protocol {

namespace {
constexpr std::size_t key_size = 4;
constexpr std::size_t marker_value_size = 6;
}  // namespace

Result<ControlRecordType> control_record_type(const RecordView& record) {
    // A later version may be longer; its type stays where it is.
    if (!record.key || record.key->size() < key_size || load_big<std::int16_t>(record.key->data()) < 0)
        return Error::of(ErrorCode::corrupt_message).with_context("control record with a malformed key");
    return static_cast<ControlRecordType>(load_big<std::int16_t>(record.key->data() + 2));
}

ControlKey::ControlKey(ControlRecordType type) noexcept {
    store_big<std::int16_t>(bytes_, 0);
    store_big(bytes_ + 2, static_cast<std::int16_t>(type));
}

Result<EndTransactionMarker> EndTransactionMarker::parse(const RecordView& record) {
    const auto type = control_record_type(record);
    if (!type) return type.error();
    if (*type != ControlRecordType::abort && *type != ControlRecordType::commit)
        return Error::of(ErrorCode::corrupt_message).with_context("control record that is no transaction marker");
    if (!record.value || record.value->size() < marker_value_size || load_big<std::int16_t>(record.value->data()) < 0)
        return Error::of(ErrorCode::corrupt_message).with_context("transaction marker with a malformed value");
    EndTransactionMarker marker;
    marker.committed = *type == ControlRecordType::commit;
    marker.coordinator_epoch = load_big<std::int32_t>(record.value->data() + 2);
    return marker;
}

Buffer build_marker_batch(std::int64_t base_offset, std::int32_t leader_epoch, std::int64_t timestamp_ms,
                          std::int64_t producer_id, std::int16_t producer_epoch, const EndTransactionMarker& marker) {
    const ControlKey key(marker.committed ? ControlRecordType::commit : ControlRecordType::abort);
    std::uint8_t value[marker_value_size];
    store_big<std::int16_t>(value, 0);
    store_big(value + 2, marker.coordinator_epoch);

    RecordBatchBuilder builder(Buffer(128));
    builder.append(timestamp_ms, key.span(), ByteSpan(value));
    BatchStamp stamp;
    stamp.base_offset = base_offset;
    stamp.leader_epoch = leader_epoch;
    stamp.producer_id = producer_id;
    stamp.producer_epoch = producer_epoch;
    stamp.transactional = true;
    stamp.control = true;
    return builder.finish(stamp);
}

}  // namespace ottla::protocol
