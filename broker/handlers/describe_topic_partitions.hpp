// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/protocol/messages/describe_topic_partitions_request.hpp>
#include <ottla/protocol/messages/describe_topic_partitions_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// Partitions of topics page by page, with eligible leader replicas (KIP-966).
struct DescribeTopicPartitionsHandler {
    using Request = protocol::DescribeTopicPartitionsRequest;
    using Response = protocol::DescribeTopicPartitionsResponse;
    static constexpr protocol::VersionRange versions{0, 0};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
