// SPDX-License-Identifier: Apache-2.0
// ConsumerGroupDescribe (key 69): groups of the consumer protocol with their members, what each has and is to have
// (KIP-848).
#pragma once

#include <ottla/protocol/messages/consumer_group_describe_request.hpp>
#include <ottla/protocol/messages/consumer_group_describe_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct ConsumerGroupDescribeHandler {
    using Request = protocol::ConsumerGroupDescribeRequest;
    using Response = protocol::ConsumerGroupDescribeResponse;
    static constexpr protocol::VersionRange versions{0, 1};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
