// SPDX-License-Identifier: Apache-2.0
// DeleteGroups (key 42): groups that nobody is in go, with their offsets.
#pragma once

#include <ottla/protocol/messages/delete_groups_request.hpp>
#include <ottla/protocol/messages/delete_groups_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct DeleteGroupsHandler {
    using Request = protocol::DeleteGroupsRequest;
    using Response = protocol::DeleteGroupsResponse;
    static constexpr protocol::VersionRange versions{0, 2};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
