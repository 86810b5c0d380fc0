// SPDX-License-Identifier: Apache-2.0
// Heartbeat (key 12): a member of a group says that it is alive.
#pragma once

#include <ottla/protocol/messages/heartbeat_request.hpp>
#include <ottla/protocol/messages/heartbeat_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct HeartbeatHandler {
    using Request = protocol::HeartbeatRequest;
    using Response = protocol::HeartbeatResponse;
    static constexpr protocol::VersionRange versions{0, 4};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
