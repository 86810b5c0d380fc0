// SPDX-License-Identifier: Apache-2.0
// What the headers of a dead letter say, what is chosen by it, and what is written when it goes back. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/message.hpp>

namespace CLI {
class App;
}

namespace ottla::tools {

// Texts lie in the message.
struct DeadLetter {
    std::string_view topic;  // empty: it does not say where it comes from
    std::int32_t partition = -1;
    std::int64_t offset = -1;
    std::int64_t timestamp_ms = -1;
    std::string_view group;
    std::int64_t attempts = -1;
    std::string_view error;
    // How often it went back already.
    std::int64_t redriven = 0;
};
DeadLetter dead_letter_of(const MessageView&);

struct DeadLetterFilter {
    std::vector<std::string> origins;  // topics; none: all
    std::string error;                 // part of it
    std::optional<std::string> key;

    bool takes(const DeadLetter&, BytesView key) const;
    bool takes_all() const noexcept { return origins.empty() && error.empty() && !key; }
};
// --origin, --error, --key
void add_filter_options(CLI::App&, DeadLetterFilter&);

// The headers of a record that goes back: its own, and dead-letter.redriven with the count of these times. `count`
// holds the text.
std::vector<Header> redriven_headers(const MessageView&, std::string& count);

}  // namespace ottla::tools
