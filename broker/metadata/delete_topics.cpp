// SPDX-License-Identifier: Apache-2.0
// Controller: DeleteTopics, by name or by id.
#include <algorithm>
#include <set>

#include "broker/metadata/controller.hpp"

namespace ottla::broker {
namespace {

using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;

DeleteTopicsResponse::DeletableTopicResult failed(const DeleteTopicsRequest::DeleteTopicState& topic, ErrorCode code,
                                                  std::string text) {
    DeleteTopicsResponse::DeletableTopicResult result;
    result.name = topic.name;
    result.topic_id = topic.topic_id;
    result.error_code = static_cast<std::int16_t>(code);
    result.error_message = std::move(text);
    return result;
}

// Both ways of asking, as the newer one.
std::vector<DeleteTopicsRequest::DeleteTopicState> asked_for(const DeleteTopicsRequest& request) {
    auto topics = request.topics;
    for (const auto& name : request.topic_names) {
        DeleteTopicsRequest::DeleteTopicState one;
        one.name = name;
        topics.push_back(std::move(one));
    }
    return topics;
}

}  // namespace

Decision Controller::on(const ImagePtr& image, const DeleteTopicsRequest& request) {
    Decision decision;
    DeleteTopicsResponse response;
    std::set<Uuid> deleted;
    for (const auto& topic : asked_for(request)) {
        if (topic.name.has_value() == !topic.topic_id.is_zero()) {
            response.responses.push_back(failed(topic, ErrorCode::invalid_request,
                                                topic.name ? "You may not specify both topic name and topic id."
                                                           : "Neither topic name nor id were specified."));
            continue;
        }
        const auto found = topic.name ? image->topic(*topic.name) : image->topic(topic.topic_id);
        if (!found) {
            response.responses.push_back(
                failed(topic, topic.name ? ErrorCode::unknown_topic_or_partition : ErrorCode::unknown_topic_id,
                       topic.name ? "This server does not host this topic-partition."
                                  : "This server does not host this topic ID."));
            continue;
        }
        if (!options_.delete_topic_enable) {
            response.responses.push_back(
                failed(topic, ErrorCode::topic_deletion_disabled, "Topic deletion is disabled."));
            continue;
        }
        if (!deleted.insert(found->id).second) {
            response.responses.push_back(failed(topic, ErrorCode::invalid_request, "Duplicate topic."));
            continue;
        }
        protocol::RemoveTopicRecord record;
        record.topic_id = found->id;
        decision.records.emplace_back(std::move(record));
        DeleteTopicsResponse::DeletableTopicResult result;
        result.name = found->name;
        result.topic_id = found->id;
        response.responses.push_back(std::move(result));
    }
    decision.reply = std::move(response);
    return decision;
}

}  // namespace ottla::broker
