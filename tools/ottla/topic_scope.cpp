// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/topic_scope.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace ottla::tools {

bool TopicScope::has(std::string_view of_topic, std::int32_t partition) const noexcept {
    return of_topic == topic && (partitions.empty() || std::ranges::find(partitions, partition) != partitions.end());
}

Result<TopicScope> parse_topic_scope(std::string_view text) {
    const auto wrong = Error::of(ErrorCode::invalid_argument,
                                 fmt::format("'{}' is neither TOPIC nor TOPIC:PARTITION[,PARTITION...]", text));
    TopicScope scope;
    const auto colon = text.find(':');
    scope.topic = text.substr(0, colon);
    if (scope.topic.empty()) return wrong;
    if (colon == std::string_view::npos) return scope;
    std::string_view numbers = text.substr(colon + 1);
    for (;;) {
        const auto comma = numbers.find(',');
        const std::string_view one = numbers.substr(0, comma);
        std::int32_t partition = 0;
        const auto [stopped, error] = std::from_chars(one.data(), one.data() + one.size(), partition);
        if (error != std::errc() || stopped != one.data() + one.size() || partition < 0) return wrong;
        scope.partitions.push_back(partition);
        if (comma == std::string_view::npos) return scope;
        numbers.remove_prefix(comma + 1);
    }
}

bool in_scope(const std::vector<TopicScope>& scopes, std::string_view topic, std::int32_t partition) noexcept {
    return scopes.empty() || std::ranges::any_of(scopes, [&](const auto& s) { return s.has(topic, partition); });
}

}  // namespace ottla::tools
