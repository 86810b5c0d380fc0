// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/protocol/messages/create_partitions_request.hpp>
#include <ottla/protocol/messages/create_partitions_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// Adds partitions to topics; the controller decides.
struct CreatePartitionsHandler {
    using Request = protocol::CreatePartitionsRequest;
    using Response = protocol::CreatePartitionsResponse;
    static constexpr protocol::VersionRange versions{0, 3};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
