// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/describe_groups.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {
namespace {

using DescribedGroup = protocol::DescribeGroupsResponse::DescribedGroup;

DescribedGroup undescribed(const std::string& group_id, ErrorCode code) {
    DescribedGroup one;
    one.group_id = group_id;
    one.error_code = wire(code);
    return one;
}

}  // namespace

awaitable<Result<DescribeGroupsHandler::Response>> DescribeGroupsHandler::handle(RequestContext& context,
                                                                                 Request& request) {
    GroupCalls calls(context);
    const auto ids = each_once(request.groups);
    for (const auto& id : ids) calls.start(id, groups::DescribeGroup{id});
    Response response;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        auto answer = co_await calls.answer(i);
        if (!answer) {
            response.groups.push_back(undescribed(ids[i], answer.error().code()));
            continue;
        }
        response.groups.push_back(std::get<DescribedGroup>(std::move(*answer)));
        auto& one = response.groups.back();
        if (request.include_authorized_operations && one.error_code == 0)
            one.authorized_operations = all_group_operations();
    }
    co_return response;
}

DescribeGroupsHandler::Response DescribeGroupsHandler::error_answer(const Request& request, std::int16_t,
                                                                    ErrorCode code) {
    Response response;
    for (const auto& id : each_once(request.groups)) response.groups.push_back(undescribed(id, code));
    return response;
}

}  // namespace ottla::broker
