// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648): the plain alphabet with padding, as JSON carries bytes, and the URL alphabet without, as
// Kafka writes uuids. Boost has only an undocumented one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <ottla/bytes.hpp>

namespace ottla::base {

std::string base64_encode(ByteSpan);
std::string base64url_encode(ByteSpan);
// Nothing when a character, the length or the padding is wrong.
std::optional<std::string> base64_decode(std::string_view);
std::optional<std::string> base64url_decode(std::string_view);

}  // namespace ottla::base
