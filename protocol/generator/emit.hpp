// SPDX-License-Identifier: Apache-2.0
// The files written for one message, and those written for all.
#pragma once

#include <string>
#include <vector>

#include "protocol/generator/spec.hpp"

namespace ottla::generator {

// <ottla/protocol/messages/NAME.hpp>: the struct and its free functions. `partner` is the name of the response to
// this request, or of the request to this response; empty when there is none.
std::string emit_header(const Spec&, const std::string& partner);
// NAME_walk.hpp: names the fields to an operation.
std::string emit_walk(const Spec&);
// NAME.cpp: encode, decode, encoded_size.
std::string emit_source(const Spec&);
// NAME_json.cpp: to_json, from_json.
std::string emit_json(const Spec&);

// api_keys.inc: OTTLA_API(enumerator, Name, key, versions, first flexible versions) per API.
std::string emit_api_keys(const std::vector<Spec>&);
// message_table.inc: OTTLA_MESSAGE(Name) per message.
std::string emit_message_table(const std::vector<Spec>&);
// messages.hpp: includes every message.
std::string emit_all_headers(const std::vector<Spec>&);

// "v >= 3", "" when it always holds within `context`, "false" when it never does.
std::string condition(Versions range, Versions context);
// Every line of the generated files starts with these.
std::string preamble(const std::string& origin);

}  // namespace ottla::generator
