// SPDX-License-Identifier: Apache-2.0
// DescribeGroups (key 15): who is in groups, and what they were given.
#pragma once

#include <ottla/protocol/messages/describe_groups_request.hpp>
#include <ottla/protocol/messages/describe_groups_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct DescribeGroupsHandler {
    using Request = protocol::DescribeGroupsRequest;
    using Response = protocol::DescribeGroupsResponse;
    static constexpr protocol::VersionRange versions{0, 6};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
