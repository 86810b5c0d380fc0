// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/consumer_group_describe.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {
namespace {

using DescribedConsumerGroup = protocol::ConsumerGroupDescribeResponse::DescribedGroup;

DescribedConsumerGroup undescribed_consumer_group(const std::string& group_id, ErrorCode code) {
    DescribedConsumerGroup one;
    one.group_id = group_id;
    one.error_code = wire(code);
    return one;
}

}  // namespace

awaitable<Result<ConsumerGroupDescribeHandler::Response>> ConsumerGroupDescribeHandler::handle(RequestContext& context,
                                                                                               Request& request) {
    if (!offers_consumer_protocol(context)) co_return Error::of(ErrorCode::unsupported_version);
    GroupCalls calls(context);
    for (const auto& id : request.group_ids) calls.start(id, groups::DescribeConsumerGroup{id});
    Response response;
    for (std::size_t i = 0; i < request.group_ids.size(); ++i) {
        auto answer = co_await calls.answer(i);
        if (!answer) {
            response.groups.push_back(undescribed_consumer_group(request.group_ids[i], answer.error().code()));
            continue;
        }
        response.groups.push_back(std::get<DescribedConsumerGroup>(std::move(*answer)));
        auto& one = response.groups.back();
        if (request.include_authorized_operations && one.error_code == 0)
            one.authorized_operations = all_group_operations();
    }
    co_return response;
}

ConsumerGroupDescribeHandler::Response ConsumerGroupDescribeHandler::error_answer(const Request& request, std::int16_t,
                                                                                  ErrorCode code) {
    Response response;
    for (const auto& id : request.group_ids) response.groups.push_back(undescribed_consumer_group(id, code));
    return response;
}

}  // namespace ottla::broker
