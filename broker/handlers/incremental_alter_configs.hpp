// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/protocol/messages/incremental_alter_configs_request.hpp>
#include <ottla/protocol/messages/incremental_alter_configs_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// Sets, deletes, appends to and subtracts from configs (KIP-339); the controller decides.
struct IncrementalAlterConfigsHandler {
    using Request = protocol::IncrementalAlterConfigsRequest;
    using Response = protocol::IncrementalAlterConfigsResponse;
    static constexpr protocol::VersionRange versions{0, 1};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
