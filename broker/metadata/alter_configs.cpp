// SPDX-License-Identifier: Apache-2.0
// Controller: IncrementalAlterConfigs (KIP-339) on topics, brokers and groups.
#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <boost/algorithm/string/join.hpp>

#include "broker/metadata/config_conflicts.hpp"
#include "broker/metadata/controller.hpp"
#include "broker/server/effective_config.hpp"

namespace ottla::broker {
namespace {

using protocol::IncrementalAlterConfigsRequest;
using protocol::IncrementalAlterConfigsResponse;

enum class Operation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

Result<ConfigScope> scope_of(const MetadataImage& image, const ConfigResource& resource) {
    if (resource.type == ConfigResourceType::topic) {
        if (!image.topic(resource.name)) {
            return Error::of(ErrorCode::unknown_topic_or_partition,
                             fmt::format("The topic '{}' does not exist.", resource.name));
        }
        return ConfigScope::topic;
    }
    if (resource.type == ConfigResourceType::group) {
        if (!resource.name.empty()) return ConfigScope::group;
        return Error::of(ErrorCode::invalid_request, "Default group resources are not allowed.");
    }
    if (resource.type != ConfigResourceType::broker) {
        return Error::of(ErrorCode::invalid_request,
                         fmt::format("Unexpected resource type {}", static_cast<int>(resource.type)));
    }
    std::int32_t id = -1;
    const auto* end = resource.name.data() + resource.name.size();
    if (!resource.name.empty() && std::from_chars(resource.name.data(), end, id).ptr != end) {
        return Error::of(ErrorCode::invalid_request,
                         fmt::format("Broker id must be an integer, but it is: {}", resource.name));
    }
    return ConfigScope::broker;
}

// The list after "append" or "subtract".
std::string changed_list(Operation operation, const std::string& now, std::string_view value) {
    auto items = split_list(now);
    for (auto& item : split_list(value)) {
        const auto at = std::find(items.begin(), items.end(), item);
        if (operation == Operation::append && at == items.end()) items.push_back(std::move(item));
        if (operation == Operation::subtract && at != items.end()) items.erase(at);
    }
    return boost::algorithm::join(items, ",");
}

std::int32_t static_number(const Properties& values, std::string_view name) {
    const auto at = values.find(name);
    const std::string_view text =
        at == values.end() ? find_config_key(ConfigScope::broker, name)->default_value : std::string_view(at->second);
    std::int32_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// What a group is set to stays within what the brokers allow.
Result<void> check_group_value(const ConfigKey& key, std::string_view value, const Properties& static_values) {
    static constexpr std::string_view bounded[] = {"session.timeout.ms", "heartbeat.interval.ms",
                                                   "assignment.interval.ms"};
    constexpr std::string_view scope = "consumer.";
    if (!key.name.starts_with(scope)) return ok();
    const auto rest = std::string_view(key.name).substr(scope.size());
    if (std::ranges::find(bounded, rest) == std::end(bounded)) return ok();
    std::int32_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    const auto min = fmt::format("group.consumer.min.{}", rest);
    const auto max = fmt::format("group.consumer.max.{}", rest);
    if (number < static_number(static_values, min))
        return Error::of(ErrorCode::invalid_config,
                         fmt::format("{} must be greater than or equal to {}", key.name, min));
    if (number > static_number(static_values, max))
        return Error::of(ErrorCode::invalid_config, fmt::format("{} must be less than or equal to {}", key.name, max));
    return ok();
}

Result<void> check_key(const ConfigKey& key, const ConfigResource& resource,
                       const IncrementalAlterConfigsRequest::AlterableConfig& change) {
    const auto operation = static_cast<Operation>(change.config_operation);
    if (change.config_operation < 0 || change.config_operation > 3) {
        return Error::of(ErrorCode::invalid_request,
                         fmt::format("Unknown config operation {}", change.config_operation));
    }
    if (key.scope == ConfigScope::broker &&
        (key.update == ConfigUpdate::read_only || (key.update == ConfigUpdate::per_broker && resource.name.empty()))) {
        return Error::of(ErrorCode::invalid_request,
                         fmt::format("Cannot update these configs dynamically: {}", key.name));
    }
    if (operation != Operation::remove && !change.value) {
        return Error::of(ErrorCode::invalid_request, fmt::format("Null value not supported for : {}", key.name));
    }
    if ((operation == Operation::append || operation == Operation::subtract) && key.type != ConfigType::list) {
        return Error::of(ErrorCode::invalid_config,
                         fmt::format("Can't append to or subtract from key {}: its type is not LIST.", key.name));
    }
    return ok();
}

}  // namespace

Decision Controller::on(const ImagePtr& image, const IncrementalAlterConfigsRequest& request) {
    const ConfigView view{*image, options_.static_values, options_.node_id};

    // The new value of one key; none removes it.
    const auto new_value =
        [&](const ConfigResource& resource, ConfigScope scope,
            const IncrementalAlterConfigsRequest::AlterableConfig& change) -> Result<std::optional<std::string>> {
        const auto* key = find_config_key(scope, change.name);
        if (!key) return unknown_config_key(scope, change.name);
        if (auto right = check_key(*key, resource, change); !right) return right.error();
        const auto operation = static_cast<Operation>(change.config_operation);
        if (operation == Operation::remove) return std::optional<std::string>{};
        auto value = *change.value;
        if (operation != Operation::set) {
            const auto now = scope == ConfigScope::topic   ? effective_topic_config(*key, view, resource.name)
                             : scope == ConfigScope::group ? effective_group_config(*key, view, resource.name)
                                                           : effective_broker_config(*key, view, resource.name);
            value = changed_list(operation, now.value.value_or(""), value);
        }
        if (auto right = check_config_value(*key, value); !right) return right.error();
        if (scope == ConfigScope::group) {
            if (auto right = check_group_value(*key, value, options_.static_values); !right) return right.error();
        }
        return std::optional(std::move(value));
    };

    const auto records_for =
        [&](const IncrementalAlterConfigsRequest::AlterConfigsResource& asked) -> Result<std::vector<MetadataRecord>> {
        const ConfigResource resource{static_cast<ConfigResourceType>(asked.resource_type), asked.resource_name};
        const auto scope = scope_of(*image, resource);
        if (!scope) return scope.error();
        const auto& now = image->configs(resource.type, resource.name);
        std::vector<MetadataRecord> records;
        for (const auto& change : asked.configs) {
            const auto value = new_value(resource, *scope, change);
            if (!value) return value.error();
            const auto at = now.find(change.name);
            if (at == now.end() ? !value->has_value() : at->second == *value) continue;
            protocol::ConfigRecord record;
            record.resource_type = asked.resource_type;
            record.resource_name = asked.resource_name;
            record.name = change.name;
            record.value = *value;
            records.emplace_back(std::move(record));
            if (change.name == "min.insync.replicas") {
                protocol::ClearElrRecord clear;
                if (*scope == ConfigScope::topic) clear.topic_name = asked.resource_name;
                records.emplace_back(std::move(clear));
            }
        }
        if (*scope == ConfigScope::topic) {
            const auto together =
                check_config_conflicts(image, records, resource.name, options_.static_values, options_.node_id);
            if (!together) return together.error();
        }
        return records;
    };

    std::map<std::pair<std::int8_t, std::string>, int> times;
    for (const auto& one : request.resources) ++times[{one.resource_type, one.resource_name}];
    Decision decision;
    IncrementalAlterConfigsResponse response;
    for (const auto& asked : request.resources) {
        IncrementalAlterConfigsResponse::AlterConfigsResourceResponse result;
        result.resource_type = asked.resource_type;
        result.resource_name = asked.resource_name;
        result.error_message.reset();
        const auto records = times[{asked.resource_type, asked.resource_name}] > 1
                                 ? Error::of(ErrorCode::invalid_request, "Each resource must appear at most once.")
                                 : records_for(asked);
        if (!records) {
            result.error_code = static_cast<std::int16_t>(records.error().code());
            result.error_message = std::string(records.error().text());
        } else if (!request.validate_only) {
            decision.records.insert(decision.records.end(), records->begin(), records->end());
        }
        response.responses.push_back(std::move(result));
    }
    decision.reply = std::move(response);
    return decision;
}

}  // namespace ottla::broker
