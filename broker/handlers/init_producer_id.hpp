// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/protocol/messages/init_producer_id_request.hpp>
#include <ottla/protocol/messages/init_producer_id_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// Hands out producer ids.
struct InitProducerIdHandler {
    using Request = protocol::InitProducerIdRequest;
    using Response = protocol::InitProducerIdResponse;
    static constexpr protocol::VersionRange versions{0, 5};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
