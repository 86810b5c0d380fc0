// SPDX-License-Identifier: Apache-2.0
// Bytes of others, made fit for JSON or a terminal. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ottla::tools {

// Well-formed by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view) noexcept;
// For JSON: U+FFFD in place of each byte that is no part of a character.
std::string utf8_of(std::string_view);
// For a terminal: "\n", "\r", "\t" and "\x1b" in place of control characters, those of U+0080 to U+009F too, and of
// bytes that are no part of a character. A backslash stays as it is.
std::string printable(std::string_view);

}  // namespace ottla::tools
