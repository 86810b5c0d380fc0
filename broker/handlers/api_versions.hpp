// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/protocol/messages/api_versions_request.hpp>
#include <ottla/protocol/messages/api_versions_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// What this broker serves, and the features of the cluster (KIP-35, KIP-584).
struct ApiVersionsHandler {
    using Request = protocol::ApiVersionsRequest;
    using Response = protocol::ApiVersionsResponse;
    static constexpr protocol::VersionRange versions{0, 4};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
