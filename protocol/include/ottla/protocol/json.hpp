// SPDX-License-Identifier: Apache-2.0
// Messages as JSON, exactly as Apache Kafka's JsonConverter classes write them (names, left-out fields, base64, uuids),
// but `records` as base64. In a target of its own, ottla::protocol_json, so that clients do not carry it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

#include <ottla/protocol/version_range.hpp>
#include <ottla/result.hpp>

namespace ottla::protocol {

class Reader;
class Writer;

// For every message: to_json fails as encode does; from_json wants every field of the version that is not tagged,
// and refuses fields that the version lacks, unless ignorable. Ranges of files in `records` are read: that blocks.
#define OTTLA_MESSAGE(Name, type)                                                                         \
    struct Name;                                                                                          \
    Result<boost::json::value> to_json(const Name&, std::int16_t version, boost::json::storage_ptr = {}); \
    Result<void> from_json(const boost::json::value&, Name&, std::int16_t version);
#include <ottla/protocol/message_table.inc>
#undef OTTLA_MESSAGE

// In one line without spaces, numbers and escapes as Jackson prints them.
void append_text(const boost::json::value&, std::string& out);
std::string to_text(const boost::json::value&);

// A message known by its name only.
struct MessageInfo {
    std::string_view name;
    std::string_view
        type;  // "request", "response", "header", "data", "metadata", "coordinator-key", "coordinator-value"
    VersionRange versions;
    std::int16_t api_key;  // -1 when the spec has none

    // Reads the whole of `bytes`, makes JSON of it, and writes it again.
    Result<void> (*transcode)(Reader& bytes, std::int16_t version, boost::json::value& json, Writer& again);
    Result<boost::json::value> (*decode)(Reader& bytes, std::int16_t version);
    Result<void> (*encode)(const boost::json::value&, std::int16_t version, Writer&);
};

// All messages with versions, in the order of their names.
std::span<const MessageInfo> all_messages() noexcept;
// Null when this release has no such message.
const MessageInfo* find_message(std::string_view name) noexcept;

}  // namespace ottla::protocol
