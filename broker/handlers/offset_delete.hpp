// SPDX-License-Identifier: Apache-2.0
// OffsetDelete (key 47): offsets of a group go, of topics that it does not read.
#pragma once

#include <ottla/protocol/messages/offset_delete_request.hpp>
#include <ottla/protocol/messages/offset_delete_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct OffsetDeleteHandler {
    using Request = protocol::OffsetDeleteRequest;
    using Response = protocol::OffsetDeleteResponse;
    static constexpr protocol::VersionRange versions{0, 0};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
