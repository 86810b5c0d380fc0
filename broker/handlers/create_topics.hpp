// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/protocol/messages/create_topics_request.hpp>
#include <ottla/protocol/messages/create_topics_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// Creates topics; the controller decides.
struct CreateTopicsHandler {
    using Request = protocol::CreateTopicsRequest;
    using Response = protocol::CreateTopicsResponse;
    static constexpr protocol::VersionRange versions{2, 7};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
