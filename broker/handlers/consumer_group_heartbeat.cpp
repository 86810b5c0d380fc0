// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/consumer_group_heartbeat.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {

awaitable<Result<ConsumerGroupHeartbeatHandler::Response>> ConsumerGroupHeartbeatHandler::handle(
    RequestContext& context, Request& request) {
    if (!offers_consumer_protocol(context)) co_return Error::of(ErrorCode::unsupported_version);
    co_return co_await ask_group(context, request);
}

ConsumerGroupHeartbeatHandler::Response ConsumerGroupHeartbeatHandler::error_answer(const Request&, std::int16_t,
                                                                                    ErrorCode code) {
    Response response;
    response.error_code = wire(code);
    response.error_message = std::string(ottla::describe(code));
    return response;
}

}  // namespace ottla::broker
