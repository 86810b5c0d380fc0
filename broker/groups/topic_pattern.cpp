// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/topic_pattern.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <re2/re2.h>

namespace ottla::broker::groups {
namespace {

constexpr std::size_t pattern_bytes_max = 4096;
constexpr std::int64_t pattern_memory_max = 2 << 20;

}  // namespace

Result<TopicPattern> TopicPattern::compile(const std::string& regex) {
    const auto invalid = [&](std::string_view why) {
        return Error::of(ErrorCode::invalid_regular_expression,
                         fmt::format("'{}' is no regular expression in RE2's syntax: {}.", regex.substr(0, 200), why));
    };
    if (regex.size() > pattern_bytes_max) return invalid(fmt::format("it is longer than {} bytes", pattern_bytes_max));
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(pattern_memory_max);
    auto compiled = std::make_shared<const re2::RE2>(regex, options);
    if (!compiled->ok()) return invalid(compiled->error());
    return TopicPattern(std::move(compiled));
}

bool TopicPattern::matches(std::string_view topic) const {
    return re2::RE2::FullMatch(re2::StringPiece(topic.data(), topic.size()), *compiled_);
}

RegexRun::RegexRun(std::shared_ptr<const MetadataImage> image, const std::vector<std::string>& regexes)
    : image_(std::move(image)),
      next_(image_->topics().begin()) {
    for (const auto& regex : regexes) {
        ConsumerGroup::Names& names = resolved_[regex];
        // One that was read from a log may be of another make: then it matches nothing.
        if (auto pattern = TopicPattern::compile(regex)) patterns_.emplace_back(std::move(*pattern), &names);
    }
}

bool RegexRun::step(std::size_t matches) {
    std::size_t names = matches / std::max<std::size_t>(patterns_.size(), 1) + 1;
    for (; names != 0 && next_ != image_->topics().end(); --names, ++next_) {
        for (const auto& [pattern, found] : patterns_) {
            if (pattern.matches(next_->first)) found->insert(next_->first);
        }
    }
    return next_ == image_->topics().end();
}

}  // namespace ottla::broker::groups
