// SPDX-License-Identifier: Apache-2.0
#include "client/parallel/letter_headers.hpp"

#include <algorithm>
#include <array>

namespace ottla::client {
namespace {

// Of the text of an error: a record must not become too large by it.
constexpr std::size_t error_bytes_max = 1000;

using Names = std::array<std::string_view, 7>;
constexpr Names retry_names = {"retry.topic", "retry.partition", "retry.offset", "retry.timestamp",
                               "retry.group", "retry.attempts",  "retry.error"};
constexpr Names dead_names = {"dead-letter.topic",     "dead-letter.partition", "dead-letter.offset",
                              "dead-letter.timestamp", "dead-letter.group",     "dead-letter.attempts",
                              "dead-letter.error"};

// No character of UTF-8 is cut in two.
std::string_view up_to(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) return text;
    const auto is_within = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; };
    std::size_t end = bytes;
    while (end > 0 && bytes - end < 3 && is_within(end)) --end;
    // What is no UTF-8 is cut anywhere.
    return text.substr(0, is_within(end) ? bytes : end);
}

}  // namespace

LetterHeaders::LetterHeaders(LetterKind kind, const WorkItem& item, std::string_view group, std::string_view error)
    : texts_{std::string(item.origin_topic()),
             std::to_string(item.origin_partition()),
             std::to_string(item.origin_offset()),
             std::to_string(item.origin_timestamp_ms()),
             std::string(group),
             std::to_string(item.attempt()),
             std::string(up_to(error, error_bytes_max))},
      headers_(item.headers()) {
    // They stand last, as they were added.
    const auto count = retry_names.size();
    if (item.is_from_retry_topic() && headers_.size() >= count &&
        std::ranges::equal(std::span(headers_).last(count), retry_names, {}, &Header::name))
        headers_.resize(headers_.size() - count);
    const auto& names = kind == LetterKind::retry ? retry_names : dead_names;
    for (std::size_t i = 0; i < count; ++i) {
        Header header;
        header.name = names[i];
        header.value = texts_[i];
        headers_.push_back(header);
    }
}

}  // namespace ottla::client
