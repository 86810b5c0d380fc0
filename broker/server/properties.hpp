// SPDX-License-Identifier: Apache-2.0
// Java's .properties format, as far as server.properties and meta.properties use it: comments, the separators
// '=', ':' and blank, backslash escapes, continued lines.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <ottla/result.hpp>

namespace ottla::broker {

using Properties = std::map<std::string, std::string, std::less<>>;

// The last of two equal keys wins, as in Java. Fails on a broken escape, naming the line.
Result<Properties> parse_properties(std::string_view text);
// "k=v"; the error names the argument.
Result<std::pair<std::string, std::string>> parse_override(std::string_view argument);

}  // namespace ottla::broker
