// SPDX-License-Identifier: Apache-2.0
// ConsumerGroupHeartbeat (key 68): a member of the consumer protocol joins, goes on, says what it gave up, leaves
// (KIP-848).
#pragma once

#include <ottla/protocol/messages/consumer_group_heartbeat_request.hpp>
#include <ottla/protocol/messages/consumer_group_heartbeat_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct ConsumerGroupHeartbeatHandler {
    using Request = protocol::ConsumerGroupHeartbeatRequest;
    using Response = protocol::ConsumerGroupHeartbeatResponse;
    static constexpr protocol::VersionRange versions{0, 1};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
