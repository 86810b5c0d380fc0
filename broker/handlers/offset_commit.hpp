// SPDX-License-Identifier: Apache-2.0
// OffsetCommit (key 8): how far a group has read, for partitions that exist.
#pragma once

#include <ottla/protocol/messages/offset_commit_request.hpp>
#include <ottla/protocol/messages/offset_commit_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct OffsetCommitHandler {
    using Request = protocol::OffsetCommitRequest;
    using Response = protocol::OffsetCommitResponse;
    static constexpr protocol::VersionRange versions{2, 10};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
