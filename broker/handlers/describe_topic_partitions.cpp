// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/describe_topic_partitions.hpp"

#include <algorithm>
#include <set>

#include "broker/handlers/answers.hpp"
#include "broker/metadata/topic_names.hpp"

namespace ottla::broker {
namespace {

using protocol::DescribeTopicPartitionsRequest;
using protocol::DescribeTopicPartitionsResponse;

// Names in order, from the cursor's on.
std::vector<std::string> names_to_describe(const MetadataImage& image, const DescribeTopicPartitionsRequest& request) {
    std::set<std::string> names;
    for (const auto& topic : request.topics) names.insert(topic.name);
    if (request.topics.empty()) {
        for (const auto& [name, topic] : image.topics()) names.insert(name);
    }
    const auto from = request.cursor ? names.lower_bound(request.cursor->topic_name) : names.begin();
    return {from, names.end()};
}

void add_partition(const RequestContext& context, const PartitionImage& partition, std::size_t number,
                   DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic& out) {
    auto& one = out.partitions.emplace_back();
    const auto error = leader_error(*context.image, partition, context.listener_name);
    one.error_code = wire(error);
    one.partition_index = static_cast<std::int32_t>(number);
    one.leader_id = error == ErrorCode::none ? partition.leader : -1;
    one.leader_epoch = partition.leader_epoch;
    one.replica_nodes = partition.replicas;
    one.isr_nodes = partition.isr;
    one.eligible_leader_replicas = partition.eligible_leader_replicas;
    one.last_known_elr = partition.last_known_elr;
    one.offline_replicas = offline_replicas(*context.image, partition);
}

}  // namespace

awaitable<Result<DescribeTopicPartitionsResponse>> DescribeTopicPartitionsHandler::handle(
    RequestContext& context, DescribeTopicPartitionsRequest& request) {
    if (request.cursor && request.cursor->partition_index < 0) co_return Error::of(ErrorCode::invalid_request);
    const auto limit = static_cast<std::size_t>(
        std::max(0, std::min(request.response_partition_limit, context.node.config->partitions_per_request_max)));
    std::size_t given = 0;
    DescribeTopicPartitionsResponse response;
    for (const auto& name : names_to_describe(*context.image, request)) {
        const bool at_cursor = request.cursor && request.cursor->topic_name == name;
        const std::size_t first = at_cursor ? static_cast<std::size_t>(request.cursor->partition_index) : 0;
        const auto topic = context.image->topic(name);
        if (!topic) {
            // A topic that was deleted between two pages is left out.
            if (at_cursor && request.topics.empty()) continue;
            auto& unknown = response.topics.emplace_back();
            unknown.name = name;
            unknown.error_code = wire(check_topic_name(name) ? ErrorCode::unknown_topic_or_partition
                                                             : ErrorCode::invalid_topic_exception);
            continue;
        }
        if (given == limit) {
            response.next_cursor.emplace();
            response.next_cursor->topic_name = name;
            response.next_cursor->partition_index = static_cast<std::int32_t>(first);
            break;
        }
        auto& out = response.topics.emplace_back();
        out.name = name;
        out.topic_id = topic->id;
        out.is_internal = topic->is_internal();
        out.topic_authorized_operations = all_topic_operations();
        std::size_t p = first;
        for (; p < topic->partitions.size() && given < limit; ++p, ++given)
            add_partition(context, topic->partitions[p], p, out);
        if (p < topic->partitions.size()) {
            response.next_cursor.emplace();
            response.next_cursor->topic_name = name;
            response.next_cursor->partition_index = static_cast<std::int32_t>(p);
            break;
        }
    }
    co_return response;
}

DescribeTopicPartitionsResponse DescribeTopicPartitionsHandler::error_answer(
    const DescribeTopicPartitionsRequest& request, std::int16_t, ErrorCode code) {
    DescribeTopicPartitionsResponse response;
    for (const auto& topic : request.topics) {
        auto& one = response.topics.emplace_back();
        one.name = topic.name;
        one.error_code = wire(code);
    }
    return response;
}

}  // namespace ottla::broker
