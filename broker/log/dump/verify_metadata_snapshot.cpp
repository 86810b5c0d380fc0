// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch.hpp>

#include "broker/log/dump/verify_partition.hpp"

namespace ottla::broker::log::dump {
namespace {

using protocol::ControlRecordType;

// That of the first record; nothing where there is none.
std::optional<ControlRecordType> control_type(const FoundBatch& batch) {
    const auto view = protocol::RecordBatchView::parse(batch.bytes);
    if (!view || !batch.header.is_control()) return std::nullopt;
    protocol::Decompressor decompressor;
    Buffer space;
    auto records = view->records(decompressor, verified_file_bytes_max, space);
    protocol::RecordView record;
    if (!records || !records->next(record)) return std::nullopt;
    const auto type = protocol::control_record_type(record);
    return type ? std::optional(*type) : std::nullopt;
}

}  // namespace

void verify_metadata_snapshot(Problems& problems, const std::string& path) {
    problems.begin_file();
    auto bytes = SegmentBytes::open(problems.disk(), path);
    if (!bytes) return problems.say(path, bytes.error().text());
    std::int64_t next_offset = 0;
    std::optional<ControlRecordType> last_type;
    std::uint64_t position = 0;
    while (position != bytes->size()) {
        const auto found = bytes->at(position);
        if (!found) return problems.say(path, found.error().text());
        if (!*found)
            return problems.say(path,
                                fmt::format("at {}: {} bytes are no whole batch", position, bytes->size() - position));
        const auto& header = (*found)->header;
        const auto at = [&](std::string_view what) {
            problems.say(path, fmt::format("at {}: the batch of offsets {} to {} {}", position, header.base_offset,
                                           header.last_offset(), what));
        };
        if (!(*found)->has_right_crc()) at("has a wrong checksum");
        if (header.base_offset != next_offset) at(fmt::format("comes where {} is next", next_offset));
        last_type = control_type(**found);
        if (position == 0 && last_type != ControlRecordType::snapshot_header) at("is no header of a snapshot");
        next_offset = header.next_offset();
        position = (*found)->end();
    }
    if (last_type != ControlRecordType::snapshot_footer)
        problems.say(path, fmt::format("at {}: it ends at offset {} without its footer", position, next_offset));
}

}  // namespace ottla::broker::log::dump
