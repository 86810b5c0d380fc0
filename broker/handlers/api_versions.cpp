// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/api_versions.hpp"

#include <algorithm>

#include "broker/handlers/table.hpp"
#include "broker/metadata/controller.hpp"

namespace ottla::broker {
namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// KIP-511: letters and digits at both ends, '-' and '.' between.
bool is_software_name(const std::string& s) {
    return !s.empty() && is_letter_or_digit(s.front()) && is_letter_or_digit(s.back()) &&
           std::all_of(s.begin(), s.end(), [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; });
}

void add_features(const MetadataImage& image, std::int16_t version, ApiVersionsHandler::Response& response) {
    using Response = ApiVersionsHandler::Response;
    for (const auto& feature : supported_features()) {
        // Clients of version 3 refuse a minimum of 0 (KAFKA-17011).
        if (version < 4 && feature.range.min < 1) continue;
        Response::SupportedFeatureKey key;
        key.name = feature.name;
        key.min_version = feature.range.min;
        key.max_version = feature.range.max;
        response.supported_features.push_back(std::move(key));
    }
    response.finalized_features_epoch = image.offset();
    for (const auto& [name, level] : image.features()) {
        Response::FinalizedFeatureKey key;
        key.name = name;
        key.min_version_level = level;
        key.max_version_level = level;
        response.finalized_features.push_back(std::move(key));
    }
}

void add_keys(ApiVersionsHandler::Response& response) {
    for (const auto& row : api_table()) {
        ApiVersionsHandler::Response::ApiVersion one;
        one.api_key_ = static_cast<std::int16_t>(row.key);
        one.min_version = row.versions.min;
        one.max_version = row.versions.max;
        response.api_keys.push_back(std::move(one));
    }
}

}  // namespace

awaitable<Result<ApiVersionsHandler::Response>> ApiVersionsHandler::handle(RequestContext& context, Request& request) {
    const bool names_itself = context.version >= 3;
    if (names_itself &&
        (!is_software_name(request.client_software_name) || !is_software_name(request.client_software_version))) {
        co_return Error::of(ErrorCode::invalid_request);
    }
    Response response;
    add_keys(response);
    if (names_itself) add_features(*context.image, context.version, response);
    co_return response;
}

ApiVersionsHandler::Response ApiVersionsHandler::error_answer(const Request&, std::int16_t, ErrorCode code) {
    Response response;
    response.error_code = static_cast<std::int16_t>(code);
    add_keys(response);
    return response;
}

}  // namespace ottla::broker
