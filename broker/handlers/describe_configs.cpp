// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/describe_configs.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "broker/handlers/answers.hpp"
#include "broker/metadata/topic_names.hpp"
#include "broker/server/effective_config.hpp"

namespace ottla::broker {
namespace {

using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;

bool is_wanted(const DescribeConfigsRequest::DescribeConfigsResource& resource, std::string_view name) {
    const auto& keys = resource.configuration_keys;
    return !keys || keys->empty() || std::find(keys->begin(), keys->end(), name) != keys->end();
}

void add(const ConfigKey& key, const EffectiveConfig& effective, const DescribeConfigsRequest& request,
         DescribeConfigsResponse::DescribeConfigsResult& result) {
    auto& one = result.configs.emplace_back();
    one.name = key.name;
    one.is_sensitive = key.is_sensitive();
    one.documentation.reset();
    one.value = key.is_sensitive() ? std::nullopt : effective.value;
    one.read_only = key.scope == ConfigScope::broker && key.update == ConfigUpdate::read_only;
    one.config_source = static_cast<std::int8_t>(effective.source);
    one.config_type = key.wire_type();
    if (!request.include_synonyms) return;
    for (const auto& synonym : effective.synonyms) {
        auto& s = one.synonyms.emplace_back();
        s.name = synonym.name;
        s.value = key.is_sensitive() ? std::nullopt : synonym.value;
        s.source = static_cast<std::int8_t>(synonym.source);
    }
}

Result<void> describe_topic(const ConfigView& view, const DescribeConfigsRequest& request,
                            const DescribeConfigsRequest::DescribeConfigsResource& resource,
                            DescribeConfigsResponse::DescribeConfigsResult& result) {
    if (auto right = check_topic_name(resource.resource_name); !right) return right;
    if (!view.image.topic(resource.resource_name)) return Error::of(ErrorCode::unknown_topic_or_partition);
    for (const auto& key : config_keys(ConfigScope::topic)) {
        if (key.is_internal() || !is_wanted(resource, key.name)) continue;
        add(key, effective_topic_config(key, view, resource.resource_name), request, result);
    }
    return ok();
}

Result<void> describe_broker(const ConfigView& view, const DescribeConfigsRequest& request,
                             const DescribeConfigsRequest::DescribeConfigsResource& resource,
                             DescribeConfigsResponse::DescribeConfigsResult& result) {
    const auto& name = resource.resource_name;
    if (!name.empty() && name != std::to_string(view.node_id)) {
        return Error::of(
            ErrorCode::invalid_request,
            fmt::format("Unexpected broker id, expected {} or empty string, but received {}", view.node_id, name));
    }
    for (const auto& key : config_keys(ConfigScope::broker)) {
        if (key.is_internal() || !is_wanted(resource, key.name)) continue;
        const auto effective = effective_broker_config(key, view, name);
        // Of the default of all brokers only what was set is shown.
        if (name.empty() && effective.synonyms.empty()) continue;
        add(key, effective, request, result);
    }
    return ok();
}

Result<void> describe_group_configs(const ConfigView& view, const DescribeConfigsRequest& request,
                                    const DescribeConfigsRequest::DescribeConfigsResource& resource,
                                    DescribeConfigsResponse::DescribeConfigsResult& result) {
    const auto& name = resource.resource_name;
    if (name.empty()) return Error::of(ErrorCode::invalid_request, "Group name must not be empty");
    for (const auto& key : config_keys(ConfigScope::group)) {
        if (is_wanted(resource, key.name)) add(key, effective_group_config(key, view, name), request, result);
    }
    return ok();
}

Result<void> describe(const ConfigView& view, const DescribeConfigsRequest& request,
                      const DescribeConfigsRequest::DescribeConfigsResource& resource,
                      DescribeConfigsResponse::DescribeConfigsResult& result) {
    switch (static_cast<ConfigResourceType>(resource.resource_type)) {
        case ConfigResourceType::topic: return describe_topic(view, request, resource, result);
        case ConfigResourceType::broker: return describe_broker(view, request, resource, result);
        case ConfigResourceType::group: return describe_group_configs(view, request, resource, result);
        default:
            return Error::of(ErrorCode::invalid_request,
                             fmt::format("Unsupported resource type: {}", resource.resource_type));
    }
}

}  // namespace

awaitable<Result<DescribeConfigsResponse>> DescribeConfigsHandler::handle(RequestContext& context,
                                                                          DescribeConfigsRequest& request) {
    const ConfigView view{*context.image, context.node.config->values, context.node.id};
    DescribeConfigsResponse response;
    for (const auto& resource : request.resources) {
        auto& result = response.results.emplace_back();
        result.resource_type = resource.resource_type;
        result.resource_name = resource.resource_name;
        result.error_message.reset();
        if (auto done = describe(view, request, resource, result); !done) {
            result.error_code = wire(done.error().code());
            result.error_message = std::string(done.error().text());
        }
    }
    co_return response;
}

DescribeConfigsResponse DescribeConfigsHandler::error_answer(const DescribeConfigsRequest& request, std::int16_t,
                                                             ErrorCode code) {
    DescribeConfigsResponse response;
    for (const auto& resource : request.resources) {
        auto& one = response.results.emplace_back();
        one.resource_type = resource.resource_type;
        one.resource_name = resource.resource_name;
        one.error_code = wire(code);
        one.error_message = std::string(ottla::describe(code));
    }
    return response;
}

}  // namespace ottla::broker
