// SPDX-License-Identifier: Apache-2.0
// Messages as JSON, exactly as Apache Kafka's JsonConverter classes write them (names, left-out fields, base64, uuids),
// but `records` as base64. In a target of its own, ottla::protocol_json, so that clients do not carry it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

#include <ottla/result.hpp>

namespace ottla::protocol {

// For every message: to_json fails as encode does; from_json wants every field of the version that is not tagged,
// and refuses fields that the version lacks, unless ignorable. Ranges of files in `records` are read: that blocks.
#define OTTLA_MESSAGE(Name, type)                                                                         \
    struct Name;                                                                                          \
    Result<boost::json::value> to_json(const Name&, std::int16_t version, boost::json::storage_ptr = {}); \
    Result<void> from_json(const boost::json::value&, Name&, std::int16_t version);
#include <ottla/protocol/message_table.inc>
#undef OTTLA_MESSAGE
class AnyMessage;
Result<boost::json::value> to_json(const AnyMessage&, std::int16_t version, boost::json::storage_ptr = {});
Result<void> from_json(const boost::json::value&, AnyMessage&, std::int16_t version);

// In one line without spaces, numbers and escapes as Jackson prints them.
void append_text(const boost::json::value&, std::string& out);
std::string to_text(const boost::json::value&);

}  // namespace ottla::protocol
