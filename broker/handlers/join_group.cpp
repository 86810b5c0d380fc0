// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/join_group.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {
namespace {

using protocol::JoinGroupRequest;
using protocol::JoinGroupResponse;

constexpr std::int16_t no_protocol_from = 7;  // the name may be null

}  // namespace

awaitable<Result<JoinGroupResponse>> JoinGroupHandler::handle(RequestContext& context, JoinGroupRequest& request) {
    const std::string member_id = request.member_id;
    auto response = co_await ask_group(context, request);
    request.member_id = member_id;  // for the answer of an error
    if (response && response->error_code != 0 && context.version >= no_protocol_from) response->protocol_name.reset();
    if (response && !response->protocol_name && context.version < no_protocol_from) response->protocol_name.emplace();
    co_return response;
}

JoinGroupResponse JoinGroupHandler::error_answer(const JoinGroupRequest& request, std::int16_t version,
                                                 ErrorCode code) {
    JoinGroupResponse response;
    response.error_code = wire(code);
    response.member_id = request.member_id;
    if (version >= no_protocol_from) response.protocol_name.reset();
    return response;
}

}  // namespace ottla::broker
