// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/heartbeat.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {

awaitable<Result<HeartbeatHandler::Response>> HeartbeatHandler::handle(RequestContext& context, Request& request) {
    co_return co_await ask_group(context, request);
}

HeartbeatHandler::Response HeartbeatHandler::error_answer(const Request&, std::int16_t, ErrorCode code) {
    Response response;
    response.error_code = wire(code);
    return response;
}

}  // namespace ottla::broker
