// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/protocol/messages/describe_configs_request.hpp>
#include <ottla/protocol/messages/describe_configs_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// Configs of topics and brokers, each with where its value comes from.
struct DescribeConfigsHandler {
    using Request = protocol::DescribeConfigsRequest;
    using Response = protocol::DescribeConfigsResponse;
    static constexpr protocol::VersionRange versions{1, 4};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
