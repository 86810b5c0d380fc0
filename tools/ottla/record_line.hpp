// SPDX-License-Identifier: Apache-2.0
// A record as a line of JSON, as append_json_line() writes it, read back. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ottla/record.hpp>
#include <ottla/result.hpp>

namespace ottla::tools {

struct RecordLine {
    std::string topic;
    std::int32_t partition = -1;
    std::int64_t timestamp_ms = -1;
    // Null and empty differ.
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;

    // Its views lie in this, and in `headers_of_it`.
    Record record(std::string_view to_topic, std::vector<Header>& headers_of_it) const;
};

// Errors: bad_message says what is wrong with the line.
Result<RecordLine> read_record_line(std::string_view line);

}  // namespace ottla::tools
