// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/topic_name.hpp>

#include <algorithm>

#include <fmt/format.h>

namespace ottla::protocol {
namespace {

constexpr std::size_t name_length_max = 249;

bool is_legal(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

Error invalid_name(std::string text) { return Error::of(ErrorCode::invalid_topic_exception, std::move(text)); }

}  // namespace

Result<void> check_topic_name(std::string_view name) {
    if (name.empty()) return invalid_name("Topic name is invalid: the empty string is not allowed");
    if (name == "." || name == "..") return invalid_name("Topic name is invalid: '.' or '..' is not allowed");
    if (name.size() > name_length_max) {
        return invalid_name(
            fmt::format("Topic name is invalid: the length of '{}' is longer than the max allowed length {}", name,
                        name_length_max));
    }
    if (!std::all_of(name.begin(), name.end(), is_legal)) {
        return invalid_name(
            fmt::format("Topic name is invalid: '{}' contains one or more characters other than ASCII "
                        "alphanumerics, '.', '_' and '-'",
                        name));
    }
    return ok();
}

}  // namespace ottla::protocol
