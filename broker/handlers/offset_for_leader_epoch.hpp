// SPDX-License-Identifier: Apache-2.0
// OffsetForLeaderEpoch (key 23): where a leader's epoch ends in our log, so that a reader finds out whether what it
// has read still stands (KIP-279, KIP-320).
#pragma once

#include <ottla/protocol/messages/offset_for_leader_epoch_request.hpp>
#include <ottla/protocol/messages/offset_for_leader_epoch_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct OffsetForLeaderEpochHandler {
    using Request = protocol::OffsetForLeaderEpochRequest;
    using Response = protocol::OffsetForLeaderEpochResponse;
    static constexpr protocol::VersionRange versions{2, 4};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
