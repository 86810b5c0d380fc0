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

}  // namespace

LetterHeaders::LetterHeaders(LetterKind kind, const WorkItem& item, std::string_view group, std::string_view error)
    : texts_{std::string(item.origin_topic()),
             std::to_string(item.origin_partition()),
             std::to_string(item.origin_offset()),
             std::to_string(item.origin_timestamp_ms()),
             std::string(group),
             std::to_string(item.attempt()),
             std::string(error.substr(0, error_bytes_max))},
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
