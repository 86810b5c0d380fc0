// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/internal_topics.hpp"

#include <algorithm>
#include <string>

#include "broker/groups/group_id.hpp"
#include "broker/handlers/answers.hpp"
#include "broker/metadata/controller_client.hpp"

namespace ottla::broker {

// Nothing is replicated yet: a setting that asks for more copies, as the default does, gets this many.
constexpr std::int16_t copies_max = 1;

protocol::CreateTopicsRequest::CreatableTopic new_topic(const BrokerConfig& config, std::string_view name) {
    protocol::CreateTopicsRequest::CreatableTopic topic;
    topic.name = name;
    topic.num_partitions = -1;
    topic.replication_factor = -1;
    if (name != groups::offsets_topic_name) return topic;
    topic.num_partitions = config.offsets_topic_partitions;
    topic.replication_factor = std::min(config.offsets_topic_replication_factor, copies_max);
    const auto set = [&topic](std::string key, std::string value) {
        auto& one = topic.configs.emplace_back();
        one.name = std::move(key);
        one.value = std::move(value);
    };
    set("cleanup.policy", "compact");
    set("compression.type", "producer");
    set("segment.bytes", std::to_string(config.offsets_topic_segment_bytes));
    return topic;
}

awaitable<ErrorCode> ensure_offsets_topic(RequestContext& context) {
    if (context.image->topic(groups::offsets_topic_name)) co_return ErrorCode::none;
    protocol::CreateTopicsRequest request;
    request.topics.push_back(new_topic(*context.node.config, groups::offsets_topic_name));
    const auto deadline = controller_deadline(context, context.node.config->request_timeout_ms);
    const auto reply = co_await context.node.controller->ask(std::move(request), deadline);
    context.image = context.shard.image();
    if (context.image->topic(groups::offsets_topic_name)) co_return ErrorCode::none;
    if (!reply) {
        context.node.log.warn("__consumer_offsets could not be made: {}", reply.error().text());
    } else if (!reply->topics.empty()) {
        context.node.log.warn("__consumer_offsets could not be made: {}",
                              reply->topics.front().error_message.value_or(""));
    }
    co_return ErrorCode::coordinator_not_available;
}

}  // namespace ottla::broker
