// SPDX-License-Identifier: Apache-2.0
// Regular expressions over topics' names, as the coordinator resolves them (KIP-848): RE2's syntax and its promise,
// time in proportion to the name, whatever the pattern.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/result.hpp>
#include "broker/groups/consumer_group.hpp"

namespace re2 {
class RE2;
}

namespace ottla::broker::groups {

class TopicPattern {
public:
    // INVALID_REGULAR_EXPRESSION, saying why.
    static Result<TopicPattern> compile(const std::string& regex);
    // All of the name.
    bool matches(std::string_view topic) const;

private:
    explicit TopicPattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
    std::shared_ptr<const re2::RE2> compiled_;
};

// The expressions of one group on their way through all topics, some at a time.
class RegexRun {
public:
    using Resolved = std::map<std::string, ConsumerGroup::Names, std::less<>>;

    RegexRun(std::shared_ptr<const MetadataImage>, const std::vector<std::string>& regexes);

    // Goes on for about so many names, each against each expression; true when all are through.
    bool step(std::size_t matches);
    // The metadata that it goes through.
    std::int64_t version() const noexcept { return image_->offset(); }
    const Resolved& resolved() const noexcept { return resolved_; }

private:
    std::shared_ptr<const MetadataImage> image_;
    std::vector<std::pair<TopicPattern, ConsumerGroup::Names*>> patterns_;
    MetadataImage::Topics::const_iterator next_;
    Resolved resolved_;
};

}  // namespace ottla::broker::groups
