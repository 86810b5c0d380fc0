// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace ottla::generator {

// JSON with comments and trailing commas, as Apache Kafka's specs have them. Throws SpecError naming the file.
boost::json::value parse_json(const std::string& file, std::string_view text);

}  // namespace ottla::generator
