// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/list_groups.hpp"

#include <algorithm>

#include "broker/groups/group_id.hpp"
#include "broker/handlers/answers.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {
namespace {

std::vector<std::int32_t> led_here(const RequestContext& context) {
    std::vector<std::int32_t> led;
    const auto topic = context.image->topic(groups::offsets_topic_name);
    if (!topic) return led;
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
        if (topic->partitions[i].leader == context.node.id) led.push_back(static_cast<std::int32_t>(i));
    }
    return led;
}

}  // namespace

awaitable<Result<ListGroupsHandler::Response>> ListGroupsHandler::handle(RequestContext& context, Request& request) {
    const auto partitions = led_here(context);
    GroupCalls calls(context);
    for (const auto partition : partitions)
        calls.start_at(partition, groups::ListGroups{request.states_filter, request.types_filter});
    Response response;
    ErrorCode failure = ErrorCode::none;
    for (std::size_t i = 0; i < partitions.size(); ++i) {
        auto answer = co_await calls.answer(i);
        if (answer) {
            std::ranges::move(std::get<Response>(*answer).groups, std::back_inserter(response.groups));
        } else if (answer.error().code() != ErrorCode::not_coordinator) {
            // A list that lacks some of them would be taken for all.
            failure = answer.error().code();
        }
    }
    if (failure != ErrorCode::none) co_return Error::of(failure);
    co_return response;
}

ListGroupsHandler::Response ListGroupsHandler::error_answer(const Request&, std::int16_t, ErrorCode code) {
    Response response;
    response.error_code = wire(code);
    return response;
}

}  // namespace ottla::broker
