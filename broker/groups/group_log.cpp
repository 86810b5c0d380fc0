// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_log.hpp"

#include <fmt/core.h>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch.hpp>

namespace ottla::broker::groups {
namespace {

constexpr std::size_t batch_bytes_max = 64 << 20;  // uncompressed
constexpr std::size_t reasons_max = 5;

class GroupLogReader {
public:
    GroupLogReader(GroupLogPart& part, std::int64_t from, protocol::Decompressor& decompressor)
        : part_(part),
          from_(from),
          decompressor_(decompressor) {}

    Result<void> take(const protocol::RecordBatchView& batch) {
        ++part_.batches;
        part_.next_offset = batch.header().next_offset();
        auto records = batch.records(decompressor_, batch_bytes_max, space_);
        if (!records) return records.error();
        for (protocol::RecordView record; records->next(record);) {
            if (record.offset < from_) continue;
            if (batch.header().is_control()) {
                take_marker(batch.header(), record);
            } else {
                take_record(batch.header(), record);
            }
        }
        if (records->complete()) return ok();
        return Error::of(ErrorCode::corrupt_storage,
                         fmt::format("a malformed batch at offset {}", batch.header().base_offset));
    }

private:
    void take_marker(const protocol::RecordBatchHeader& header, const protocol::RecordView& record) {
        const auto type = protocol::control_record_type(record);
        if (!type) return skip(record, type.error());
        const bool ends = *type == protocol::ControlRecordType::abort || *type == protocol::ControlRecordType::commit;
        if (ends)
            part_.items.emplace_back(LoggedMarker{header.producer_id, *type == protocol::ControlRecordType::commit});
    }

    void take_record(const protocol::RecordBatchHeader& header, const protocol::RecordView& record) {
        auto decoded = decode_group_record(record.key, record.value);
        if (!decoded) return skip(record, decoded.error());
        const std::int64_t producer = header.is_transactional() ? header.producer_id : -1;
        part_.items.emplace_back(LoggedRecord{producer, std::move(*decoded), record.offset});
    }

    void skip(const protocol::RecordView& record, const Error& why) {
        if (++part_.skipped <= reasons_max)
            part_.reasons.push_back(fmt::format("offset {}: {}", record.offset, why.text()));
    }

    GroupLogPart& part_;
    std::int64_t from_;
    protocol::Decompressor& decompressor_;
    Buffer space_;
};

}  // namespace

void GroupLogPart::replay_into(GroupCoordinator& coordinator) const {
    for (const auto& item : items) {
        if (const auto* marker = std::get_if<LoggedMarker>(&item)) {
            coordinator.replay_marker(marker->producer_id, marker->committed);
            continue;
        }
        const auto& [producer, record, offset] = std::get<LoggedRecord>(item);
        if (producer == -1) {
            coordinator.replay(record, offset);
        } else {
            coordinator.replay_pending(producer, record, offset);
        }
    }
}

Result<GroupLogPart> read_group_log(ByteSpan batches, std::int64_t from, protocol::Decompressor& decompressor) {
    GroupLogPart part;
    part.next_offset = from;
    GroupLogReader reader(part, from, decompressor);
    protocol::RecordBatchReader walk(batches);
    while (true) {
        const auto batch = walk.next();
        if (!batch) return batch.error();
        if (!batch->has_value()) break;
        if (auto taken = reader.take(**batch); !taken) return taken.error();
    }
    return part;
}

}  // namespace ottla::broker::groups
