// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/record_line.hpp"

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/base64.hpp"

namespace ottla::tools {
namespace {

using boost::json::object;

Error bad_line(std::string text) { return Error::of(ErrorCode::bad_message, std::move(text)); }

std::string_view view_of(const boost::json::string& s) { return {s.data(), s.size()}; }

Result<std::int64_t> number_in(const object& from, const char* name, std::int64_t otherwise, std::int64_t greatest) {
    const auto* found = from.if_contains(name);
    if (!found) return otherwise;
    const auto* number = found->if_int64();
    if (!number || *number < -1 || *number > greatest)
        return bad_line(fmt::format("'{}' is not a whole number from -1 to {}", name, greatest));
    return *number;
}

// "NAME": text or null, or "NAME_base64": text.
Result<std::optional<std::string>> bytes_in(const object& from, const std::string& name) {
    const auto* plain = from.if_contains(name);
    const auto* encoded = from.if_contains(name + "_base64");
    if (!plain == !encoded) return bad_line(fmt::format("it has to have either '{0}' or '{0}_base64'", name));
    if (plain && plain->is_null()) return std::optional<std::string>();
    const auto* text = (plain ? plain : encoded)->if_string();
    if (!text) return bad_line(fmt::format("'{}' is no text", plain ? name : name + "_base64"));
    if (plain) return std::optional(std::string(view_of(*text)));
    auto bytes = base::base64_decode(view_of(*text));
    if (!bytes) return bad_line(fmt::format("'{}_base64' is not base64", name));
    return std::optional(std::move(*bytes));
}

Result<void> read_headers(const boost::json::value& from, RecordLine& to) {
    const auto* array = from.if_array();
    if (!array) return bad_line("'headers' is no array");
    for (const auto& one : *array) {
        const auto* header = one.if_object();
        if (!header) return bad_line("a header is no object");
        auto name = bytes_in(*header, "key");
        if (!name) return name.error().with_context("a header");
        if (!*name) return bad_line("a header has null for its key");
        auto value = bytes_in(*header, "value");
        if (!value) return value.error().with_context("a header");
        to.headers.emplace_back(std::move(**name), std::move(*value));
    }
    return ok();
}

}  // namespace

Record RecordLine::record(std::string_view to_topic, std::vector<Header>& headers_of_it) const {
    const auto view = [](const std::optional<std::string>& bytes) { return bytes ? BytesView(*bytes) : BytesView(); };
    headers_of_it.clear();
    for (const auto& [name, header_value] : headers) headers_of_it.push_back(Header{name, view(header_value)});
    Record r;
    r.topic = to_topic;
    r.timestamp_ms = timestamp_ms;
    r.key = view(key);
    r.value = view(value);
    r.headers = headers_of_it;
    return r;
}

Result<RecordLine> read_record_line(std::string_view line) {
    boost::system::error_code failed;
    const auto json = boost::json::parse({line.data(), line.size()}, failed);
    if (failed) return bad_line("it is not JSON: " + failed.message());
    const auto* from = json.if_object();
    if (!from) return bad_line("it is no object");
    RecordLine r;
    if (const auto* topic = from->if_contains("topic")) {
        if (!topic->is_string()) return bad_line("'topic' is no text");
        r.topic = view_of(topic->get_string());
    }
    const auto partition = number_in(*from, "partition", -1, 0x7fffffff);
    if (!partition) return partition.error();
    r.partition = static_cast<std::int32_t>(*partition);
    const auto timestamp = number_in(*from, "timestamp", -1, 0x7fffffffffffffff);
    if (!timestamp) return timestamp.error();
    r.timestamp_ms = *timestamp;
    auto key = bytes_in(*from, "key");
    if (!key) return key.error();
    r.key = std::move(*key);
    auto value = bytes_in(*from, "value");
    if (!value) return value.error();
    r.value = std::move(*value);
    if (const auto* headers = from->if_contains("headers"))
        if (auto fine = read_headers(*headers, r); !fine) return fine.error();
    return r;
}

}  // namespace ottla::tools
