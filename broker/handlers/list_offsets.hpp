// SPDX-License-Identifier: Apache-2.0
// ListOffsets (key 2): the offset at a time, or at one of the ends that negative times stand for.
#pragma once

#include <ottla/protocol/messages/list_offsets_request.hpp>
#include <ottla/protocol/messages/list_offsets_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct ListOffsetsHandler {
    using Request = protocol::ListOffsetsRequest;
    using Response = protocol::ListOffsetsResponse;
    static constexpr protocol::VersionRange versions{1, 11};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
