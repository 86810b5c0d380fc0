// SPDX-License-Identifier: Apache-2.0
// Fetch (key 1): record batches from the logs, as ranges of their files. A fetch that finds too little waits on its
// partitions and is woken by what is appended (KIP-74 for the sizes, KIP-227 for sessions).
#pragma once

#include <ottla/protocol/messages/fetch_request.hpp>
#include <ottla/protocol/messages/fetch_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct FetchHandler {
    using Request = protocol::FetchRequest;
    using Response = protocol::FetchResponse;
    static constexpr protocol::VersionRange versions{4, 18};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
