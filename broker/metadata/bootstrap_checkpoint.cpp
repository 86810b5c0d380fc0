// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/bootstrap_checkpoint.hpp"

#include <string>

#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/messages/snapshot_footer_record.hpp>
#include <ottla/protocol/messages/snapshot_header_record.hpp>
#include <ottla/protocol/record_batch_builder.hpp>
#include <ottla/protocol/writer.hpp>
#include "broker/metadata/controller.hpp"

namespace ottla::broker {
namespace {

template <class Message>
Result<void> append_control(std::string& out, std::int64_t offset, protocol::ControlRecordType type,
                            std::int64_t now_ms) {
    protocol::Writer writer;
    if (auto written = encode(writer, Message{}, 0); !written) return written;
    const auto value = writer.finish().flatten();
    if (!value) return value.error();
    const protocol::ControlKey key(type);
    protocol::RecordBatchBuilder builder{Buffer(128)};
    builder.append(now_ms, key.span(), value->span());
    protocol::BatchStamp stamp;
    stamp.base_offset = offset;
    stamp.leader_epoch = 0;
    stamp.control = true;
    out += as_text(builder.finish(stamp).span());
    return ok();
}

Result<void> append_features(std::string& out, std::int64_t offset, std::int64_t now_ms, std::int64_t& next) {
    protocol::RecordBatchBuilder builder{Buffer(512)};
    for (const auto& record : Controller::feature_records()) {
        const auto bytes = encode_record(record);
        if (!bytes) return bytes.error();
        builder.append(now_ms, std::nullopt, bytes->span());
    }
    next = offset + builder.count();
    protocol::BatchStamp stamp;
    stamp.base_offset = offset;
    stamp.leader_epoch = 0;
    out += as_text(builder.finish(stamp).span());
    return ok();
}

}  // namespace

Result<void> write_bootstrap_checkpoint(log::LogDirectory& directory, std::int64_t now_ms) {
    std::string out;
    using Type = protocol::ControlRecordType;
    if (auto done = append_control<protocol::SnapshotHeaderRecord>(out, 0, Type::snapshot_header, now_ms); !done)
        return done;
    std::int64_t next = 1;
    if (auto done = append_features(out, next, now_ms, next); !done) return done;
    if (auto done = append_control<protocol::SnapshotFooterRecord>(out, next, Type::snapshot_footer, now_ms); !done)
        return done;
    return log::replace_text(directory.disk(), log::join_path(directory.path(), "bootstrap.checkpoint"), out);
}

}  // namespace ottla::broker
