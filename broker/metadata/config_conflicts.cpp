// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/config_conflicts.hpp"

#include <algorithm>
#include <charconv>
#include <variant>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "broker/server/effective_config.hpp"

namespace ottla::broker {
namespace {

constexpr std::string_view least_lag = "min.compaction.lag.ms";
constexpr std::string_view most_lag = "max.compaction.lag.ms";

const protocol::ConfigRecord* config_in(const MetadataRecord& record) {
    return std::get_if<protocol::ConfigRecord>(&record);
}

std::int64_t effective_number(std::string_view name, const ConfigView& view, std::string_view topic) {
    const auto text =
        effective_topic_config(*find_config_key(ConfigScope::topic, name), view, topic).value.value_or("");
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

Result<void> check_config_conflicts(const std::shared_ptr<const MetadataImage>& image,
                                    std::span<const MetadataRecord> records, std::string_view topic,
                                    const Properties& static_values, std::int32_t node_id) {
    const bool touched = std::any_of(records.begin(), records.end(), [](const auto& record) {
        const auto* config = config_in(record);
        return config && (config->name == least_lag || config->name == most_lag);
    });
    if (!touched) return ok();
    ImageBuilder builder(image);
    for (const auto& record : records) {
        if (!config_in(record)) continue;
        const auto applied = builder.apply(record, image->offset() + 1);
        OTTLA_ASSERT(applied.has_value());
    }
    const auto after = builder.build();
    const ConfigView view{*after, static_values, node_id};
    const auto least = effective_number(least_lag, view, topic), most = effective_number(most_lag, view, topic);
    if (least <= most) return ok();
    return Error::of(ErrorCode::invalid_config,
                     fmt::format("{} is {}, which is above {}: {}", least_lag, least, most_lag, most));
}

}  // namespace ottla::broker
