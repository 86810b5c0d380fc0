// SPDX-License-Identifier: Apache-2.0
// OffsetFetch (key 9): how far groups have read.
#pragma once

#include <ottla/protocol/messages/offset_fetch_request.hpp>
#include <ottla/protocol/messages/offset_fetch_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct OffsetFetchHandler {
    using Request = protocol::OffsetFetchRequest;
    using Response = protocol::OffsetFetchResponse;
    static constexpr protocol::VersionRange versions{1, 10};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
