// SPDX-License-Identifier: Apache-2.0
// DescribeProducers (key 61): what a leader knows of those who write to its partitions (KIP-664).
#pragma once

#include <ottla/protocol/messages/describe_producers_request.hpp>
#include <ottla/protocol/messages/describe_producers_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct DescribeProducersHandler {
    using Request = protocol::DescribeProducersRequest;
    using Response = protocol::DescribeProducersResponse;
    static constexpr protocol::VersionRange versions{0, 0};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
