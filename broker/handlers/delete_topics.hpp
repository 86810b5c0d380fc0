// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/protocol/messages/delete_topics_request.hpp>
#include <ottla/protocol/messages/delete_topics_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// Deletes topics by name or id; the controller decides.
struct DeleteTopicsHandler {
    using Request = protocol::DeleteTopicsRequest;
    using Response = protocol::DeleteTopicsResponse;
    static constexpr protocol::VersionRange versions{1, 6};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
