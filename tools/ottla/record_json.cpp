// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/record_json.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "base/base64.hpp"
#include "tools/ottla/safe_text.hpp"

namespace ottla::tools {

namespace {

void append_text(std::string_view text, std::string& to) {
    to += boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

void append_member(std::string_view name, BytesView bytes, std::string& to) {
    to += '"';
    to += name;
    if (bytes.is_null()) {
        to += "\":null";
    } else if (is_utf8(bytes.text())) {
        to += "\":";
        append_text(bytes.text(), to);
    } else {
        fmt::format_to(std::back_inserter(to), "_base64\":\"{}\"", base::base64_encode(bytes.span()));
    }
}

}  // namespace

void append_json_line(const Message& message, std::string& to) {
    to += "{\"topic\":";
    append_text(message.topic(), to);
    fmt::format_to(std::back_inserter(to), ",\"partition\":{},\"offset\":{},\"timestamp\":{},", message.partition(),
                   message.offset(), message.timestamp_ms());
    append_member("key", message.key(), to);
    to += ',';
    append_member("value", message.value(), to);
    to += ",\"headers\":[";
    bool first = true;
    for (const Header& header : message.headers()) {
        if (!first) to += ',';
        first = false;
        to += '{';
        append_member("key", BytesView(header.name), to);
        to += ',';
        append_member("value", header.value, to);
        to += '}';
    }
    to += "]}\n";
}

}  // namespace ottla::tools
