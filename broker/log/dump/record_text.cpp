// SPDX-License-Identifier: Apache-2.0
#include "broker/log/dump/record_text.hpp"

#include <fmt/format.h>

#include <ottla/protocol/any_message.hpp>
#include <ottla/protocol/big_endian.hpp>
#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/json.hpp>
#include <ottla/protocol/reader.hpp>

#include "broker/log/dump/coordinator_records.hpp"
#include "broker/log/dump/java_text.hpp"

namespace ottla::broker::log::dump {
namespace {

using protocol::ControlRecordType;
using protocol::NullableSpan;
using protocol::RecordView;

// TopicRecord → TOPIC_RECORD.
std::string upper_snake(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const bool upper = c >= 'A' && c <= 'Z';
        if (upper && !out.empty()) out += '_';
        out += upper || c < 'a' || c > 'z' ? c : static_cast<char>(c - 'a' + 'A');
    }
    return out;
}

const protocol::MessageInfo* metadata_record(std::uint32_t api_key) {
    for (const auto& info : protocol::all_messages()) {
        if (info.type == "metadata" && static_cast<std::uint32_t>(info.api_key) == api_key) return &info;
    }
    return nullptr;
}

Result<std::string> metadata_json(ByteSpan value) {
    protocol::Reader reader(value);
    const auto bad = [](std::string why) { return Error::of(ErrorCode::bad_message, std::move(why)); };
    const auto frame = reader.unsigned_varint();
    if (reader.failed()) return bad("Error while reading frame version");
    if (frame != 1) {
        return bad(
            fmt::format("Could not deserialize metadata record due to unknown frame version {}(only frame "
                        "version 1 is supported)",
                        frame));
    }
    const auto api_key = reader.unsigned_varint();
    const auto version = reader.unsigned_varint();
    if (reader.failed()) return bad("the record ends before its type and version");
    const auto* info = metadata_record(api_key);
    if (!info) return bad(fmt::format("Unknown metadata id {}", api_key));
    if (version > static_cast<std::uint32_t>(info->versions.max))
        return bad(fmt::format("{} has no version {}", info->name, version));
    protocol::AnyMessage message(*info);
    const auto number = static_cast<std::int16_t>(version);
    if (auto read = decode(reader, message, number); !read) return read.error();
    if (auto whole = reader.end(info->name); !whole) return whole.error();
    const auto json = to_json(message, number);
    if (!json) return json.error();
    return fmt::format(R"({{"type":"{}","version":{},"data":{}}})", upper_snake(info->name), number,
                       protocol::to_text(*json));
}

void append_metadata(const RecordView& record, std::string& out) {
    const auto json = metadata_json(record.value.value_or(ByteSpan()));
    if (json)
        fmt::format_to(std::back_inserter(out), " payload: {}", *json);
    else
        fmt::format_to(std::back_inserter(out), " payload: Error at {}, skipping. {}", record.offset,
                       json.error().text());
}

void append_plain(const RecordView& record, std::string& out) {
    if (record.key) {
        out += " key: ";
        append_java_text(*record.key, out);
    }
    if (record.value) {
        out += " payload: ";
        append_java_text(*record.value, out);
    }
}

Error bad_control(const RecordView& record, std::string_view why) {
    return Error::of(ErrorCode::corrupt_storage,
                     fmt::format("the control record at offset {}: {}", record.offset, why));
}

Result<void> append_marker(const RecordView& record, std::string& out) {
    const auto marker = protocol::EndTransactionMarker::parse(record);
    if (!marker) return bad_control(record, marker.error().text());
    fmt::format_to(std::back_inserter(out), " endTxnMarker: {} coordinatorEpoch: {}",
                   marker->committed ? "COMMIT" : "ABORT", marker->coordinator_epoch);
    return ok();
}

// The value of the quorum's control records is a message that begins with its version.
Result<void> append_message(const RecordView& record, std::string_view title, std::string_view name, std::string& out) {
    if (!record.value || record.value->size() < 2) return bad_control(record, "it has no value");
    const auto* info = protocol::find_message(name);
    const auto version = protocol::load_big<std::int16_t>(record.value->data());
    if (!info->versions.contains(version)) return bad_control(record, fmt::format("version {} is not known", version));
    protocol::AnyMessage message(*info);
    protocol::Reader reader(*record.value);
    if (auto read = decode(reader, message, version); !read) return bad_control(record, read.error().text());
    if (auto whole = reader.end(name); !whole) return bad_control(record, whole.error().text());
    const auto json = to_json(message, version);
    if (!json) return json.error();
    fmt::format_to(std::back_inserter(out), " {} {}", title, protocol::to_text(*json));
    return ok();
}

}  // namespace

void append_key_and_payload(const RecordView& record, RecordDecoder decoder, std::string& out) {
    switch (decoder) {
        case RecordDecoder::text: return append_plain(record, out);
        case RecordDecoder::cluster_metadata: return append_metadata(record, out);
        case RecordDecoder::offsets: return append_coordinator_record(record, Coordinator::group, out);
        case RecordDecoder::transaction_log: return append_coordinator_record(record, Coordinator::transaction, out);
        case RecordDecoder::share_group_state: return append_coordinator_record(record, Coordinator::share, out);
    }
}

Result<void> append_control(const RecordView& record, std::string& out) {
    const auto type = protocol::control_record_type(record);
    if (!type) return bad_control(record, type.error().text());
    switch (*type) {
        case ControlRecordType::abort:
        case ControlRecordType::commit: return append_marker(record, out);
        case ControlRecordType::leader_change:
            return append_message(record, "LeaderChange:", "LeaderChangeMessage", out);
        case ControlRecordType::snapshot_header:
            return append_message(record, "SnapshotHeader", "SnapshotHeaderRecord", out);
        case ControlRecordType::snapshot_footer:
            return append_message(record, "SnapshotFooter", "SnapshotFooterRecord", out);
        case ControlRecordType::kraft_version: return append_message(record, "KRaftVersion", "KRaftVersionRecord", out);
        case ControlRecordType::kraft_voters: return append_message(record, "KRaftVoters", "VotersRecord", out);
    }
    fmt::format_to(std::back_inserter(out), " controlType: UNKNOWN({})", static_cast<int>(*type));
    return ok();
}

}  // namespace ottla::broker::log::dump
