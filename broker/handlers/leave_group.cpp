// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/leave_group.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {
namespace {

constexpr std::int16_t many_members_from = 3;

}  // namespace

awaitable<Result<LeaveGroupHandler::Response>> LeaveGroupHandler::handle(RequestContext& context, Request& request) {
    const bool many = context.version >= many_members_from;
    if (!many) request.members.emplace_back().member_id = request.member_id;
    auto response = co_await ask_group(context, request);
    if (!response || many) co_return response;
    if (response->error_code == 0 && !response->members.empty())
        response->error_code = response->members.front().error_code;
    response->members.clear();
    co_return response;
}

LeaveGroupHandler::Response LeaveGroupHandler::error_answer(const Request&, std::int16_t, ErrorCode code) {
    Response response;
    response.error_code = wire(code);
    return response;
}

}  // namespace ottla::broker
