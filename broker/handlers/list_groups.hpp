// SPDX-License-Identifier: Apache-2.0
// ListGroups (key 16): the groups that this broker coordinates.
#pragma once

#include <ottla/protocol/messages/list_groups_request.hpp>
#include <ottla/protocol/messages/list_groups_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct ListGroupsHandler {
    using Request = protocol::ListGroupsRequest;
    using Response = protocol::ListGroupsResponse;
    static constexpr protocol::VersionRange versions{0, 5};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
