// SPDX-License-Identifier: Apache-2.0
// What every generated message header stands on.
//
// A message is a plain struct with Kafka's fields in snake_case. Each has, as free functions,
//     Result<void>        decode(Reader&, T&, version)      reuses the memory that T already has
//     Result<void>        encode(Writer&, const T&, version)
//     Result<std::size_t> encoded_size(const T&, version)   encodes and counts: for tests and tools
// A version that the message does not have is unsupported_version; so is a field with a value of its own that
// the version cannot carry, unless Kafka's spec calls it ignorable. Malformed bytes are bad_message. After a failed
// decode the message holds whatever had been read by then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/protocol/records.hpp>
#include <ottla/protocol/tagged_fields.hpp>
#include <ottla/protocol/version_range.hpp>
#include <ottla/result.hpp>
#include <ottla/uuid.hpp>

namespace ottla::protocol {

class Reader;
class Writer;

}  // namespace ottla::protocol
