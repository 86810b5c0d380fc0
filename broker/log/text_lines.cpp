// SPDX-License-Identifier: Apache-2.0
#include "broker/log/text_lines.hpp"

#include <fmt/core.h>

namespace ottla::broker::log {

Result<std::int64_t> TextLines::begin_checkpoint() {
    std::int64_t count = 0;
    if (!next(1)) return error("is not version 0");
    if (word(0) != "0") return version_error(0);
    if (!next(1) || !number(0, count) || count < 0) return error("is not a count");
    return count;
}

bool TextLines::next(std::size_t words) {
    ++line_;
    words_.clear();
    const auto end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    while (!line.empty()) {
        const auto blank = line.find(' ');
        if (blank != 0) words_.push_back(line.substr(0, blank));
        line = blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
    }
    return words_.size() == words;
}

Error TextLines::version_error(std::size_t i) const {
    std::int64_t version = 0;
    if (!number(i, version) || version <= 0) return error("is not version 0");
    return Error::of(ErrorCode::unsupported_version,
                     fmt::format("{} is of version {}, and only 0 is known here: a newer broker wrote it; start that "
                                 "one",
                                 file_, version));
}

Error TextLines::error(std::string_view what) const {
    return Error::of(ErrorCode::corrupt_storage, fmt::format("{}, line {} {}", file_, line_, what));
}

}  // namespace ottla::broker::log
