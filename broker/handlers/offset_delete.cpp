// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/offset_delete.hpp"

#include <algorithm>

#include "broker/handlers/answers.hpp"
#include "broker/handlers/find_partition.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {
namespace {

using protocol::OffsetDeleteRequest;
using protocol::OffsetDeleteResponse;

// Takes what does not exist out of the request, and answers that.
OffsetDeleteResponse refuse_unknown_deletes(const RequestContext& context, OffsetDeleteRequest& request) {
    OffsetDeleteResponse refused;
    for (auto& topic : request.topics) {
        auto& answers = refused.topics.emplace_back();
        answers.name = topic.name;
        const auto known = context.image->topic(topic.name);
        std::erase_if(topic.partitions, [&](const auto& one) {
            const auto error = refer(known, one.partition_index, false).error;
            if (error == ErrorCode::none) return false;
            auto& told = answers.partitions.emplace_back();
            told.partition_index = one.partition_index;
            told.error_code = wire(error);
            return true;
        });
    }
    return refused;
}

}  // namespace

awaitable<Result<OffsetDeleteResponse>> OffsetDeleteHandler::handle(RequestContext& context,
                                                                    OffsetDeleteRequest& request) {
    // A topic that is known in part stands in the answer once.
    OffsetDeleteResponse response = refuse_unknown_deletes(context, request);
    auto answer = co_await ask_group(context, request);
    if (!answer || answer->error_code != 0) co_return answer;
    for (std::size_t i = 0; i < response.topics.size(); ++i)
        std::ranges::move(answer->topics.at(i).partitions, std::back_inserter(response.topics[i].partitions));
    co_return response;
}

OffsetDeleteResponse OffsetDeleteHandler::error_answer(const OffsetDeleteRequest&, std::int16_t, ErrorCode code) {
    OffsetDeleteResponse response;
    response.error_code = wire(code);
    return response;
}

}  // namespace ottla::broker
