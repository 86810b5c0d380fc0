// SPDX-License-Identifier: Apache-2.0
// DescribeLogDirs (key 35): the directories of this broker, the room in them, and which partitions they hold (KIP-113,
// KIP-827).
#pragma once

#include <ottla/protocol/messages/describe_log_dirs_request.hpp>
#include <ottla/protocol/messages/describe_log_dirs_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct DescribeLogDirsHandler {
    using Request = protocol::DescribeLogDirsRequest;
    using Response = protocol::DescribeLogDirsResponse;
    static constexpr protocol::VersionRange versions{1, 5};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
