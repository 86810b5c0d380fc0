// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/partitions_of.hpp"

#include <algorithm>

#include <ottla/admin.hpp>

#include "tools/ottla/verb.hpp"

namespace ottla::tools {

std::vector<std::int32_t> partitions_in(const Metadata& metadata, const std::string& topic) {
    const TopicMetadata* found = metadata.topic(topic);
    const Error error = found ? found->error : Error::of(ErrorCode::unknown_topic);
    if (error.code() != ErrorCode::none) throw Exception(error.with_context("topic '" + topic + "'"));
    std::vector<std::int32_t> ids;
    for (const PartitionMetadata& partition : found->partitions) ids.push_back(partition.id);
    return ids;
}

namespace {

// The settings that every kind of client has: an admin client warns about a producer's.
Config settings_for_any(const Config& config) {
    Config common;
    for (const auto& [name, value] : config.entries()) {
        const auto& all = config_properties();
        const auto known = std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.name == name; });
        if (known != all.end() && known->clients == "*") expect(common.set(name, value), name);
    }
    return common;
}

}  // namespace

Metadata metadata_of(const Config& config, const std::string& topic) {
    auto admin = Admin::create(settings_for_any(config));
    if (admin.has_error()) throw UsageError(std::string(admin.error().text()));
    return expect(admin->metadata(topic, answer_within), "asking for topic '" + topic + "'");
}

std::vector<std::int32_t> partitions_of(const Config& config, const std::string& topic) {
    return partitions_in(metadata_of(config, topic), topic);
}

}  // namespace ottla::tools
