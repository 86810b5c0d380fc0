// SPDX-License-Identifier: Apache-2.0
// JoinGroup (key 11): answered when the generation is complete, which may take as long as the members' rebalance
// timeout.
#pragma once

#include <ottla/protocol/messages/join_group_request.hpp>
#include <ottla/protocol/messages/join_group_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct JoinGroupHandler {
    using Request = protocol::JoinGroupRequest;
    using Response = protocol::JoinGroupResponse;
    static constexpr protocol::VersionRange versions{0, 9};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
