// SPDX-License-Identifier: Apache-2.0
// LeaveGroup (key 13): members of a group say that they go, or an operator says it for them.
#pragma once

#include <ottla/protocol/messages/leave_group_request.hpp>
#include <ottla/protocol/messages/leave_group_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct LeaveGroupHandler {
    using Request = protocol::LeaveGroupRequest;
    using Response = protocol::LeaveGroupResponse;
    static constexpr protocol::VersionRange versions{0, 5};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
