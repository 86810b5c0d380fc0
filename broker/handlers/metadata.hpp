// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/protocol/messages/metadata_request.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// Brokers, topics and who leads what; creates asked-for topics when the cluster is set so.
struct MetadataHandler {
    using Request = protocol::MetadataRequest;
    using Response = protocol::MetadataResponse;
    static constexpr protocol::VersionRange versions{0, 13};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
