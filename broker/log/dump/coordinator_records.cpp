// SPDX-License-Identifier: Apache-2.0
#include "broker/log/dump/coordinator_records.hpp"

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <ottla/protocol/any_message.hpp>
#include <ottla/protocol/big_endian.hpp>
#include <ottla/protocol/json.hpp>
#include <ottla/protocol/messages/consumer_protocol_assignment.hpp>
#include <ottla/protocol/messages/consumer_protocol_subscription.hpp>
#include <ottla/protocol/messages/group_metadata_value.hpp>
#include <ottla/protocol/reader.hpp>

namespace ottla::broker::log::dump {
namespace {

using protocol::MessageInfo;

constexpr std::size_t version_bytes = 2;

bool belongs_to(std::string_view name, Coordinator coordinator) {
    const bool transaction = name.starts_with("TransactionLog");
    const bool share = name.starts_with("ShareSnapshot") || name.starts_with("ShareUpdate");
    switch (coordinator) {
        case Coordinator::group: return !transaction && !share;
        case Coordinator::transaction: return transaction;
        case Coordinator::share: return share;
    }
    return false;
}

// Each coordinator numbers its own.
const MessageInfo* message_of(Coordinator coordinator, std::string_view type, std::int16_t number) {
    for (const auto& info : protocol::all_messages()) {
        if (info.type == type && info.api_key == number && belongs_to(info.name, coordinator)) return &info;
    }
    return nullptr;
}

Result<boost::json::value> json_of(const MessageInfo& info, ByteSpan bytes, std::int16_t version) {
    if (!info.versions.contains(version)) {
        return Error::of(ErrorCode::unsupported_version, fmt::format("{} has no version {}", info.name, version));
    }
    protocol::AnyMessage message(info);
    protocol::Reader reader(bytes);
    if (auto read = decode(reader, message, version); !read) return read.error();
    if (auto whole = reader.end(info.name); !whole) return whole.error();
    return to_json(message, version);
}

// What the members of a classic group of consumers hand each other is the group's own protocol, in bytes that begin
// with its version.
template <class Message>
void replace_with_json(boost::json::object& member, std::string_view field, const Bytes& bytes) {
    if (bytes.size() < version_bytes) return;
    protocol::Reader reader(bytes);
    const std::int16_t version = std::min(reader.int16(), Message::versions.max);
    Message message;
    if (version < 0 || !decode(reader, message, version)) return;
    if (auto json = to_json(message, version)) member[field] = *std::move(json);
}

void open_members(boost::json::value& json, ByteSpan bytes, std::int16_t version) {
    protocol::Reader reader(bytes);
    protocol::GroupMetadataValue group;
    if (!decode(reader, group, version) || group.protocol_type != "consumer") return;
    auto& members = json.as_object()["members"].as_array();
    for (std::size_t i = 0; i < group.members.size() && i < members.size(); ++i) {
        auto& member = members[i].as_object();
        replace_with_json<protocol::ConsumerProtocolSubscription>(member, "subscription",
                                                                  group.members[i].subscription);
        replace_with_json<protocol::ConsumerProtocolAssignment>(member, "assignment", group.members[i].assignment);
    }
}

Result<std::string> key_text(const MessageInfo& info, ByteSpan key, std::int16_t type) {
    const auto json = json_of(info, key.subspan(version_bytes), 0);
    if (!json) return json.error();
    return fmt::format(R"({{"type":"{}","data":{}}})", type, protocol::to_text(*json));
}

Result<std::string> value_text(const MessageInfo& info, ByteSpan value) {
    if (value.size() < version_bytes) return Error::of(ErrorCode::bad_message, "the value has no version");
    const auto version = protocol::load_big<std::int16_t>(value.data());
    const auto body = value.subspan(version_bytes);
    auto json = json_of(info, body, version);
    if (!json) return json.error();
    if (info.name == "GroupMetadataValue") open_members(*json, body, version);
    return fmt::format(R"({{"version":"{}","data":{}}})", version, protocol::to_text(*json));
}

}  // namespace

void append_coordinator_record(const protocol::RecordView& record, Coordinator coordinator, std::string& out) {
    auto to = std::back_inserter(out);
    if (!record.key || record.key->size() < version_bytes) {
        fmt::format_to(to, " key: Error at offset {}, skipping. The key has no type", record.offset);
        return;
    }
    const auto type = protocol::load_big<std::int16_t>(record.key->data());
    const auto* key_info = message_of(coordinator, "coordinator-key", type);
    if (!key_info) {
        fmt::format_to(to, " key: Unknown record type {} at offset {}, skipping.", type, record.offset);
        return;
    }
    const auto key = key_text(*key_info, *record.key, type);
    if (!key) {
        fmt::format_to(to, " key: Error at offset {}, skipping. {}", record.offset, key.error().text());
        return;
    }
    fmt::format_to(to, " key: {}", *key);
    if (!record.value) {
        out += " payload: <DELETE>";
        return;
    }
    const auto* value_info = message_of(coordinator, "coordinator-value", type);
    const auto value = value_info ? value_text(*value_info, *record.value)
                                  : Result<std::string>(Error::of(ErrorCode::bad_message, "it has no value"));
    if (value)
        fmt::format_to(to, " payload: {}", *value);
    else
        fmt::format_to(to, " payload: Error at offset {}, skipping. {}", record.offset, value.error().text());
}

}  // namespace ottla::broker::log::dump
