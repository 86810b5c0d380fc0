// SPDX-License-Identifier: Apache-2.0
// Bytes as Java makes a string of them, so that keys and values look as in the output of Kafka's own tools.
#pragma once

#include <string>

#include <ottla/bytes.hpp>

namespace ottla::broker::log::dump {

// Appends `bytes` as UTF-8; U+FFFD for every sequence that is none.
void append_java_text(ByteSpan bytes, std::string& out);

}  // namespace ottla::broker::log::dump
