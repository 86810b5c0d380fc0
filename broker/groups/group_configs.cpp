// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_configs.hpp"

#include <algorithm>
#include <charconv>

namespace ottla::broker::groups {
namespace {

std::int32_t group_config(const MetadataImage& image, std::string_view group_id, std::string_view name,
                          std::int32_t otherwise, std::int32_t min, std::int32_t max) {
    const auto& values = image.configs(ConfigResourceType::group, group_id);
    const auto at = values.find(name);
    if (at == values.end()) return otherwise;
    std::int32_t value = otherwise;
    std::from_chars(at->second.data(), at->second.data() + at->second.size(), value);
    return std::clamp(value, min, max);
}

}  // namespace

std::int32_t session_timeout_ms(const MetadataImage& image, std::string_view group_id, const ConsumerSettings& s) {
    return group_config(image, group_id, "consumer.session.timeout.ms", s.session_timeout_ms, s.min_session_timeout_ms,
                        s.max_session_timeout_ms);
}

std::int32_t heartbeat_interval_ms(const MetadataImage& image, std::string_view group_id, const ConsumerSettings& s) {
    return group_config(image, group_id, "consumer.heartbeat.interval.ms", s.heartbeat_interval_ms,
                        s.min_heartbeat_interval_ms, s.max_heartbeat_interval_ms);
}

std::int32_t assignment_interval_ms(const MetadataImage& image, std::string_view group_id, const ConsumerSettings& s) {
    return group_config(image, group_id, "consumer.assignment.interval.ms", s.assignment_interval_ms,
                        s.min_assignment_interval_ms, s.max_assignment_interval_ms);
}

}  // namespace ottla::broker::groups
