// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/record_json.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "base/base64.hpp"

namespace ottla::tools {

namespace {

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(ByteSpan s) {
    for (std::size_t i = 0; i < s.size();) {
        const std::uint8_t lead = s[i];
        const std::size_t more = lead < 0x80   ? 0
                                 : lead < 0xc2 ? 4
                                 : lead < 0xe0 ? 1
                                 : lead < 0xf0 ? 2
                                 : lead < 0xf5 ? 3
                                               : 4;
        if (more == 4 || s.size() - i <= more) return false;
        for (std::size_t k = 1; k <= more; ++k)
            if ((s[i + k] & 0xc0) != 0x80) return false;
        if ((lead == 0xe0 && s[i + 1] < 0xa0) || (lead == 0xed && s[i + 1] > 0x9f)) return false;
        if ((lead == 0xf0 && s[i + 1] < 0x90) || (lead == 0xf4 && s[i + 1] > 0x8f)) return false;
        i += more + 1;
    }
    return true;
}

void append_text(std::string_view text, std::string& to) {
    to += boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

void append_member(std::string_view name, BytesView bytes, std::string& to) {
    to += '"';
    to += name;
    if (bytes.is_null()) {
        to += "\":null";
    } else if (is_utf8(bytes.span())) {
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
