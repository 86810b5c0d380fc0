// SPDX-License-Identifier: Apache-2.0
// DeleteRecords (key 21): partitions begin at a later offset from now on (KIP-107).
#pragma once

#include <ottla/protocol/messages/delete_records_request.hpp>
#include <ottla/protocol/messages/delete_records_response.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

struct DeleteRecordsHandler {
    using Request = protocol::DeleteRecordsRequest;
    using Response = protocol::DeleteRecordsResponse;
    static constexpr protocol::VersionRange versions{0, 2};

    static awaitable<Result<Response>> handle(RequestContext& context, Request& request);
    static Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
};

}  // namespace ottla::broker
