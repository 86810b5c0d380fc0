// SPDX-License-Identifier: Apache-2.0
// SyncGroup (key 14): answered when the leader's assignment is known.
#pragma once

#include <ottla/protocol/messages/sync_group_request.hpp>
#include <ottla/protocol/messages/sync_group_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct SyncGroupHandler {
    using Request = protocol::SyncGroupRequest;
    using Response = protocol::SyncGroupResponse;
    static constexpr protocol::VersionRange versions{0, 5};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
