// SPDX-License-Identifier: Apache-2.0
// A record as one line of JSON:
//   {"topic":"t","partition":0,"offset":1,"timestamp":1700000000000,"key":"k","value":null,"headers":[{"key":"h","value":"v"}]}
// Bytes that are not UTF-8 stand in base64 under "key_base64" or "value_base64" in place of "key" or "value".
#pragma once

#include <string>

#include <ottla/message.hpp>

namespace ottla::tools {

void append_json_line(const Message&, std::string& to);

}  // namespace ottla::tools
