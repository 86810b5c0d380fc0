// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/find_coordinator.hpp"

#include "broker/groups/group_id.hpp"
#include "broker/handlers/answers.hpp"
#include "broker/handlers/internal_topics.hpp"

namespace ottla::broker {
namespace {

using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;
using Coordinator = FindCoordinatorResponse::Coordinator;

constexpr std::int16_t many_keys_from = 4;
enum KeyType : std::int8_t { group_key = 0, transaction_key = 1, share_key = 2 };

Coordinator refused(const std::string& key, ErrorCode code) {
    Coordinator one;
    one.key = key;
    one.node_id = -1;
    one.port = -1;
    one.error_code = wire(code);
    one.error_message = std::string(describe(code));
    return one;
}

Coordinator find_group(const RequestContext& context, const std::string& group_id) {
    const auto topic = context.image->topic(groups::offsets_topic_name);
    const auto partitions = static_cast<std::int32_t>(topic->partitions.size());
    const PartitionImage* const partition = topic->partition(groups::partition_of(group_id, partitions));
    if (!partition || leader_error(*context.image, *partition, context.listener_name) != ErrorCode::none)
        return refused(group_id, ErrorCode::coordinator_not_available);
    const EndpointImage& endpoint = *context.image->broker(partition->leader)->endpoint(context.listener_name);
    Coordinator one;
    one.key = group_id;
    one.node_id = partition->leader;
    one.host = endpoint.host;
    one.port = endpoint.port;
    one.error_message.reset();
    return one;
}

// Before version 4 there is one key, and the answer stands by itself.
FindCoordinatorResponse answer_of(std::vector<Coordinator> found, std::int16_t version) {
    FindCoordinatorResponse response;
    if (version >= many_keys_from) {
        response.coordinators = std::move(found);
        return response;
    }
    Coordinator& one = found.front();
    response.error_code = one.error_code;
    response.error_message = std::move(one.error_message);
    response.node_id = one.node_id;
    response.host = std::move(one.host);
    response.port = one.port;
    return response;
}

std::vector<std::string> keys_of(const FindCoordinatorRequest& request, std::int16_t version) {
    return version >= many_keys_from ? request.coordinator_keys : std::vector<std::string>{request.key};
}

}  // namespace

awaitable<Result<FindCoordinatorResponse>> FindCoordinatorHandler::handle(RequestContext& context,
                                                                          FindCoordinatorRequest& request) {
    // There are no coordinators of transactions and share groups yet.
    if (request.key_type == transaction_key) co_return Error::of(ErrorCode::coordinator_not_available);
    if (request.key_type != group_key) co_return Error::of(ErrorCode::invalid_request);
    const ErrorCode there = co_await ensure_offsets_topic(context);
    if (there != ErrorCode::none) co_return Error::of(there);
    std::vector<Coordinator> found;
    for (const auto& key : keys_of(request, context.version)) found.push_back(find_group(context, key));
    co_return answer_of(std::move(found), context.version);
}

FindCoordinatorResponse FindCoordinatorHandler::error_answer(const FindCoordinatorRequest& request,
                                                             std::int16_t version, ErrorCode code) {
    std::vector<Coordinator> all;
    for (const auto& key : keys_of(request, version)) all.push_back(refused(key, code));
    return answer_of(std::move(all), version);
}

}  // namespace ottla::broker
