// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/delete_groups.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {
namespace {

using DeletedGroup = protocol::DeleteGroupsResponse::DeletableGroupResult;

DeletedGroup not_deleted(const std::string& group_id, ErrorCode code) {
    DeletedGroup one;
    one.group_id = group_id;
    one.error_code = wire(code);
    return one;
}

}  // namespace

awaitable<Result<DeleteGroupsHandler::Response>> DeleteGroupsHandler::handle(RequestContext& context,
                                                                             Request& request) {
    const auto names = each_once(request.groups_names);
    GroupCalls calls(context);
    for (const auto& id : names) calls.start(id, groups::DeleteGroup{id});
    Response response;
    for (std::size_t i = 0; i < names.size(); ++i) {
        auto answer = co_await calls.answer(i);
        response.results.push_back(answer ? std::get<DeletedGroup>(std::move(*answer))
                                          : not_deleted(names[i], answer.error().code()));
    }
    co_return response;
}

DeleteGroupsHandler::Response DeleteGroupsHandler::error_answer(const Request& request, std::int16_t, ErrorCode code) {
    Response response;
    for (const auto& id : each_once(request.groups_names)) response.results.push_back(not_deleted(id, code));
    return response;
}

}  // namespace ottla::broker
