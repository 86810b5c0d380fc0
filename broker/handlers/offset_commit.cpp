// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/offset_commit.hpp"

#include <algorithm>
#include <map>

#include "broker/handlers/answers.hpp"
#include "broker/handlers/find_partition.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {
namespace {

using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using CommittedTopic = OffsetCommitResponse::OffsetCommitResponseTopic;

constexpr std::int16_t commit_by_topic_id_from = 10;

CommittedTopic& answers_of(OffsetCommitResponse& response, const OffsetCommitRequest::OffsetCommitRequestTopic& topic) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    answers.topic_id = topic.topic_id;
    return answers;
}

void refuse(CommittedTopic& answers, std::int32_t partition, ErrorCode code) {
    auto& one = answers.partitions.emplace_back();
    one.partition_index = partition;
    one.error_code = wire(code);
}

// Takes what does not exist out of the request, and answers that; the others get both name and id.
OffsetCommitResponse refuse_unknown(const RequestContext& context, OffsetCommitRequest& request) {
    const bool by_id = context.version >= commit_by_topic_id_from;
    OffsetCommitResponse refused;
    for (auto& topic : request.topics) {
        const auto known = find_topic(*context.image, topic.name, topic.topic_id, by_id);
        if (known) {
            topic.name = known->name;
            topic.topic_id = known->id;
        }
        std::erase_if(topic.partitions, [&, answers = static_cast<CommittedTopic*>(nullptr)](const auto& one) mutable {
            const auto ref = refer(known, one.partition_index, by_id);
            if (ref.error == ErrorCode::none) return false;
            if (!answers) answers = &answers_of(refused, topic);
            refuse(*answers, one.partition_index, ref.error);
            return true;
        });
    }
    std::erase_if(request.topics, [](const auto& topic) { return topic.partitions.empty(); });
    return refused;
}

}  // namespace

awaitable<Result<OffsetCommitResponse>> OffsetCommitHandler::handle(RequestContext& context,
                                                                    OffsetCommitRequest& request) {
    OffsetCommitResponse response = refuse_unknown(context, request);
    if (request.topics.empty()) co_return response;
    const OffsetCommitRequest kept = request;
    auto answer = co_await ask_group(context, request);
    if (!answer) answer = error_answer(kept, context.version, answer.error().code());
    // A topic that is known in part stands in the answer once.
    std::map<Uuid, std::size_t> known_in_part;
    for (std::size_t i = 0; i < response.topics.size(); ++i)
        if (!response.topics[i].topic_id.is_zero()) known_in_part.emplace(response.topics[i].topic_id, i);
    for (auto& topic : answer->topics) {
        const auto at = known_in_part.find(topic.topic_id);
        if (at == known_in_part.end()) {
            response.topics.push_back(std::move(topic));
        } else {
            std::ranges::move(topic.partitions, std::back_inserter(response.topics[at->second].partitions));
        }
    }
    co_return response;
}

OffsetCommitResponse OffsetCommitHandler::error_answer(const OffsetCommitRequest& request, std::int16_t,
                                                       ErrorCode code) {
    OffsetCommitResponse response;
    for (const auto& topic : request.topics) {
        auto& answers = answers_of(response, topic);
        for (const auto& one : topic.partitions) refuse(answers, one.partition_index, code);
    }
    return response;
}

}  // namespace ottla::broker
