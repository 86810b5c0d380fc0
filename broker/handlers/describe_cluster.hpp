// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/protocol/messages/describe_cluster_request.hpp>
#include <ottla/protocol/messages/describe_cluster_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// The brokers of the cluster (KIP-700, KIP-919).
struct DescribeClusterHandler {
    using Request = protocol::DescribeClusterRequest;
    using Response = protocol::DescribeClusterResponse;
    static constexpr protocol::VersionRange versions{0, 2};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
