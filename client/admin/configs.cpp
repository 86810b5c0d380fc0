// SPDX-License-Identifier: Apache-2.0
// Settings of topics, brokers and groups: read and changed. Those of a broker are answered by that broker itself.
#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <ottla/protocol/messages/describe_configs_request.hpp>
#include <ottla/protocol/messages/describe_configs_response.hpp>
#include <ottla/protocol/messages/incremental_alter_configs_request.hpp>
#include <ottla/protocol/messages/incremental_alter_configs_response.hpp>

#include "client/admin/ask_broker.hpp"

namespace ottla::client {
namespace {

std::string item_name(ResourceType type, std::string_view name) {
    return fmt::format("{} '{}'", to_string(type), name);
}

// Which broker must be asked about the resource; none: any.
BrokerId broker_of(ResourceType type, const std::string& name) {
    BrokerId id = no_broker;
    if (type == ResourceType::broker || type == ResourceType::broker_logger)
        std::from_chars(name.data(), name.data() + name.size(), id);
    return id;
}

// Those about one broker go to it, the others to any.
template <class Resource>
std::map<BrokerId, std::vector<std::size_t>> by_broker(const std::vector<Resource>& resources) {
    std::map<BrokerId, std::vector<std::size_t>> out;
    for (std::size_t i = 0; i < resources.size(); ++i)
        out[broker_of(resources[i].type, resources[i].name)].push_back(i);
    return out;
}

void fill(ConfigResult& out, const protocol::DescribeConfigsResponse::DescribeConfigsResult& from) {
    out.error = item_error(from.error_code, from.error_message, item_name(out.type, out.name));
    for (const auto& c : from.configs) {
        auto& entry = out.entries.emplace_back();
        entry.name = c.name;
        entry.value = c.value;
        entry.source = static_cast<ConfigSource>(c.config_source);
        entry.is_read_only = c.read_only;
        entry.is_sensitive = c.is_sensitive;
        for (const auto& s : c.synonyms) {
            auto& synonym = entry.synonyms.emplace_back();
            synonym.name = s.name;
            synonym.value = s.value;
            synonym.source = static_cast<ConfigSource>(s.source);
        }
    }
}

template <class Resource>
std::vector<ConfigResult> empty_results(const std::vector<Resource>& resources) {
    std::vector<ConfigResult> out;
    for (const auto& r : resources) {
        auto& result = out.emplace_back();
        result.type = r.type;
        result.name = r.name;
        result.error =
            Error::of(ErrorCode::bad_message, item_name(r.type, r.name) + ": the broker left it out of its answer");
    }
    return out;
}

template <class Answer>
auto find_result(std::vector<ConfigResult>& results, const std::vector<std::size_t>& asked, const Answer& answer) {
    const auto at = std::ranges::find_if(asked, [&](std::size_t i) {
        return static_cast<std::int8_t>(results[i].type) == answer.resource_type &&
               results[i].name == answer.resource_name;
    });
    return at == asked.end() ? nullptr : &results[*at];
}

}  // namespace

awaitable<Result<std::vector<ConfigResult>>> describe_configs(AdminPtr admin, std::vector<ConfigResource> resources,
                                                              AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("describe_configs");
    const auto deadline = admin->runtime().deadline(options.timeout);
    auto results = empty_results(resources);
    for (const auto& [broker, asked] : by_broker(resources)) {
        protocol::DescribeConfigsRequest request;
        request.include_synonyms = true;
        for (const auto i : asked) {
            auto& out = request.resources.emplace_back();
            out.resource_type = static_cast<std::int8_t>(resources[i].type);
            out.resource_name = resources[i].name;
            out.configuration_keys.reset();
            if (!resources[i].keys.empty()) out.configuration_keys = resources[i].keys;
        }
        constexpr protocol::VersionRange versions{1, 4};
        auto answer = co_await ask_broker(admin, broker, std::move(request), versions, deadline);
        if (!answer) {
            if (by_broker(resources).size() == 1) co_return answer.error().with_context("describe_configs");
            for (const auto i : asked) results[i].error = answer.error();
            continue;
        }
        for (const auto& r : answer->results)
            if (auto* result = find_result(results, asked, r)) fill(*result, r);
    }
    co_return results;
}

awaitable<Result<std::vector<ConfigResult>>> incremental_alter_configs(AdminPtr admin,
                                                                       std::vector<ResourceAlterations> resources,
                                                                       AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("incremental_alter_configs");
    const auto deadline = admin->runtime().deadline(options.timeout);
    auto results = empty_results(resources);
    for (const auto& [broker, asked] : by_broker(resources)) {
        protocol::IncrementalAlterConfigsRequest request;
        request.validate_only = options.validate_only;
        for (const auto i : asked) {
            auto& out = request.resources.emplace_back();
            out.resource_type = static_cast<std::int8_t>(resources[i].type);
            out.resource_name = resources[i].name;
            for (const auto& a : resources[i].alterations) {
                auto& config = out.configs.emplace_back();
                config.name = a.name;
                config.config_operation = static_cast<std::int8_t>(a.operation);
                config.value = a.value;
            }
        }
        constexpr protocol::VersionRange versions{0, 1};
        auto answer = co_await ask_broker(admin, broker, std::move(request), versions, deadline);
        if (!answer) {
            if (by_broker(resources).size() == 1) co_return answer.error().with_context("incremental_alter_configs");
            for (const auto i : asked) results[i].error = answer.error();
            continue;
        }
        for (const auto& r : answer->responses)
            if (auto* result = find_result(results, asked, r))
                result->error = item_error(r.error_code, r.error_message, item_name(result->type, result->name));
    }
    co_return results;
}

}  // namespace ottla::client
