// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <ottla/bytes.hpp>

namespace ottla::protocol {

void append_hex(ByteSpan, std::string& out);
// Nothing when a character is no digit or a digit is missing. White space between bytes does not count.
std::optional<Bytes> parse_hex(std::string_view);

}  // namespace ottla::protocol
