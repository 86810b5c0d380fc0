// SPDX-License-Identifier: Apache-2.0
// Produce (key 0): record batches into the logs of their partitions. Advertised from version 0, since librdkafka takes
// a higher minimum for a broker without compression (KAFKA-18659); served from 3.
#pragma once

#include <ottla/protocol/messages/produce_request.hpp>
#include <ottla/protocol/messages/produce_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct ProduceHandler {
    using Request = protocol::ProduceRequest;
    using Response = protocol::ProduceResponse;
    static constexpr protocol::VersionRange versions{0, 13};
    static constexpr std::int16_t served_from = 3;

    // Answers when every partition has what `acks` asks for: 0 and 1 the append, -1 the commit, each within the
    // request's timeout.
    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
