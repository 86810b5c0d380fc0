// SPDX-License-Identifier: Apache-2.0
// TopicScope: a topic, or some partitions of it, as a verb is asked for them: "orders", "orders:0,1".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/result.hpp>

namespace ottla::tools {

struct TopicScope {
    std::string topic;
    // Empty: all.
    std::vector<std::int32_t> partitions;

    bool has(std::string_view of_topic, std::int32_t partition) const noexcept;
};

// invalid_argument says what it should look like.
Result<TopicScope> parse_topic_scope(std::string_view);

// Within one of them; no scopes: everything is.
bool in_scope(const std::vector<TopicScope>&, std::string_view topic, std::int32_t partition) noexcept;

}  // namespace ottla::tools
