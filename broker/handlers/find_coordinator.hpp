// SPDX-License-Identifier: Apache-2.0
// FindCoordinator (key 10): which broker keeps a group: the leader of its partition of __consumer_offsets, which is
// made when the first group asks.
#pragma once

#include <ottla/protocol/messages/find_coordinator_request.hpp>
#include <ottla/protocol/messages/find_coordinator_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct FindCoordinatorHandler {
    using Request = protocol::FindCoordinatorRequest;
    using Response = protocol::FindCoordinatorResponse;
    static constexpr protocol::VersionRange versions{0, 6};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
