// SPDX-License-Identifier: Apache-2.0
// The headers by which a letter, a record that failed and is written to another topic, tells where it stood first and
// how often it was tried. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ottla/parallel_consumer.hpp>

namespace ottla::client {

enum class LetterKind : std::uint8_t { retry, dead };

// Of one letter; the views that headers() gives lie in it.
class LetterHeaders {
public:
    LetterHeaders(LetterKind, const WorkItem&, std::string_view group, std::string_view error);
    LetterHeaders(const LetterHeaders&) = delete;
    LetterHeaders& operator=(const LetterHeaders&) = delete;

    // Those of the record, without the ones that a retry topic had added, and ours: retry.topic, .partition, .offset,
    // .timestamp, .group, .attempts and .error, or dead-letter.topic and so on.
    const std::vector<Header>& headers() const noexcept { return headers_; }

private:
    std::vector<std::string> texts_;
    std::vector<Header> headers_;
};

}  // namespace ottla::client
