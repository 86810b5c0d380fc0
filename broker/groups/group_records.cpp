// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_records.hpp"

#include <fmt/core.h>

#include <ottla/protocol/big_endian.hpp>
#include <ottla/protocol/messages/legacy_offset_commit_key.hpp>
#include <ottla/protocol/messages/legacy_offset_commit_value.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

namespace ottla::broker::groups {
namespace {

constexpr std::size_t prefix_bytes = 2;

// Those that Kafka 4.3 writes. An offset that brings its own end of life has a place for it in version 1 alone.
std::int16_t version_of(const protocol::OffsetCommitValue& value) { return value.expire_timestamp == -1 ? 4 : 1; }
std::int16_t version_of(const protocol::GroupMetadataValue&) { return 3; }
template <class Value>
std::int16_t version_of(const Value&) {
    static_assert(Value::versions.max == 0);
    return 0;
}

template <class Message>
Result<Bytes> with_prefix(std::int16_t prefix, const Message& message, std::int16_t version) {
    protocol::Writer writer(128);
    writer.int16(prefix);
    if (auto written = encode(writer, message, version); !written) return written.error();
    return writer.finish().flatten();
}

template <class Message>
Result<void> decode_whole(ByteSpan bytes, Message& message, std::int16_t version) {
    protocol::Reader reader(bytes);
    if (auto read = decode(reader, message, version); !read) return read;
    return reader.end(Message::message_name);
}

Error malformed(std::string_view what) { return Error::of(ErrorCode::bad_message, std::string(what)); }

template <class Value>
Result<std::optional<Value>> decode_value(const protocol::NullableSpan& bytes) {
    if (!bytes) return std::optional<Value>();
    if (bytes->size() < prefix_bytes) return malformed("a value without a version");
    const auto version = protocol::load_big<std::int16_t>(bytes->data());
    if (!Value::versions.contains(version)) {
        return Error::of(ErrorCode::unsupported_version,
                         fmt::format("{} of version {} is not known", Value::message_name, version));
    }
    std::optional<Value> value(std::in_place);
    if (auto read = decode_whole(bytes->subspan(prefix_bytes), *value, version); !read) return read.error();
    return value;
}

template <class Record>
Result<GroupRecord> decode_as(ByteSpan key, const protocol::NullableSpan& value) {
    Record record;
    if (auto read = decode_whole(key, record.key, 0); !read) return read.error();
    auto decoded = decode_value<typename Record::Value>(value);
    if (!decoded) return decoded.error();
    record.value = std::move(*decoded);
    return GroupRecord(std::move(record));
}

template <class... Records>
Result<GroupRecord> decode_by_type(std::int16_t type, ByteSpan key, const protocol::NullableSpan& value,
                                   const std::variant<Records...>*) {
    Result<GroupRecord> record =
        Error::of(ErrorCode::unsupported_version, fmt::format("records of type {} are not known", type));
    const auto is_one = [&]<class Record>(const Record*) {
        if (type != Record::Key::api_key) return false;
        record = decode_as<Record>(key, value);
        return true;
    };
    (is_one(static_cast<const Records*>(nullptr)) || ...);
    return record;
}

// Type 0, which Kafka wrote before 0.9.
Result<GroupRecord> decode_legacy(ByteSpan key, const protocol::NullableSpan& value) {
    protocol::LegacyOffsetCommitKey old_key;
    if (auto read = decode_whole(key, old_key, 0); !read) return read.error();
    auto old_value = decode_value<protocol::LegacyOffsetCommitValue>(value);
    if (!old_value) return old_value.error();
    OffsetRecord record = offset_tombstone(std::move(old_key.group), std::move(old_key.topic), old_key.partition);
    if (*old_value) {
        record.value.emplace();
        record.value->offset = (*old_value)->offset;
        record.value->metadata = std::move((*old_value)->metadata);
        record.value->commit_timestamp = (*old_value)->commit_timestamp;
    }
    return GroupRecord(std::move(record));
}

}  // namespace

const std::string& group_of(const GroupRecord& record) noexcept {
    return std::visit(
        [](const auto& one) -> const std::string& {
            if constexpr (requires { one.key.group; }) {
                return one.key.group;
            } else {
                return one.key.group_id;
            }
        },
        record);
}

OffsetRecord offset_tombstone(std::string group_id, std::string topic, std::int32_t partition) {
    OffsetRecord record;
    record.key.group = std::move(group_id);
    record.key.topic = std::move(topic);
    record.key.partition = partition;
    return record;
}

ClassicGroupRecord classic_group_tombstone(std::string group_id) {
    ClassicGroupRecord record;
    record.key.group = std::move(group_id);
    return record;
}

Result<EncodedRecord> encode(const GroupRecord& record) {
    return std::visit(
        [](const auto& one) -> Result<EncodedRecord> {
            EncodedRecord encoded;
            auto key = with_prefix(one.key.api_key, one.key, 0);
            if (!key) return key.error();
            encoded.key = std::move(*key);
            if (one.value) {
                const std::int16_t version = version_of(*one.value);
                auto value = with_prefix(version, *one.value, version);
                if (!value) return value.error();
                encoded.value = std::move(*value);
            }
            return encoded;
        },
        record);
}

Result<GroupRecord> decode_group_record(const protocol::NullableSpan& key, const protocol::NullableSpan& value) {
    if (!key || key->size() < prefix_bytes) return malformed("a key without a type");
    const auto type = protocol::load_big<std::int16_t>(key->data());
    const ByteSpan rest = key->subspan(prefix_bytes);
    if (type == protocol::LegacyOffsetCommitKey::api_key) return decode_legacy(rest, value);
    return decode_by_type(type, rest, value, static_cast<const GroupRecord*>(nullptr));
}

}  // namespace ottla::broker::groups
