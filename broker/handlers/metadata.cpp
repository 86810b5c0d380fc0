// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/metadata.hpp"

#include <set>

#include "broker/handlers/answers.hpp"
#include "broker/handlers/internal_topics.hpp"
#include "broker/metadata/controller_client.hpp"
#include "broker/metadata/topic_names.hpp"

namespace ottla::broker {
namespace {

using protocol::MetadataRequest;
using protocol::MetadataResponse;

MetadataResponse::MetadataResponseTopic describe(const MetadataImage& image, const TopicImage& topic,
                                                 std::string_view listener_name) {
    MetadataResponse::MetadataResponseTopic out;
    out.name = topic.name;
    out.topic_id = topic.id;
    out.is_internal = topic.is_internal();
    out.partitions.reserve(topic.partitions.size());
    for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
        const auto& partition = topic.partitions[p];
        auto& one = out.partitions.emplace_back();
        const auto error = leader_error(image, partition, listener_name);
        one.error_code = wire(error);
        one.partition_index = static_cast<std::int32_t>(p);
        one.leader_id = error == ErrorCode::none ? partition.leader : -1;
        one.leader_epoch = partition.leader_epoch;
        one.replica_nodes = partition.replicas;
        one.isr_nodes = partition.isr;
        one.offline_replicas = offline_replicas(image, partition);
    }
    return out;
}

MetadataResponse::MetadataResponseTopic failed(const MetadataRequest::MetadataRequestTopic& asked, ErrorCode code,
                                               std::int16_t version) {
    MetadataResponse::MetadataResponseTopic out;
    out.error_code = wire(code);
    out.topic_id = asked.topic_id;
    if (asked.name || version >= 12) {
        out.name = asked.name;
    } else {
        out.name = "";
    }
    return out;
}

void add_brokers(const MetadataImage& image, std::string_view listener_name, MetadataResponse& response) {
    for (const auto& [id, broker] : image.brokers()) {
        const auto* endpoint = broker.endpoint(listener_name);
        if (broker.fenced || !endpoint) continue;
        auto& one = response.brokers.emplace_back();
        one.node_id = id;
        one.host = endpoint->host;
        one.port = endpoint->port;
        one.rack = broker.rack;
    }
}

// Names that are asked for, not there, and may be created.
std::vector<std::string> missing_names(const MetadataImage& image, const MetadataRequest& request) {
    std::set<std::string> names;
    for (const auto& asked : *request.topics) {
        if (asked.name && asked.topic_id.is_zero() && !image.topic(*asked.name) && check_topic_name(*asked.name)) {
            names.insert(*asked.name);
        }
    }
    return {names.begin(), names.end()};
}

using CreationErrors = std::map<std::string, ErrorCode>;

// Creates topics with the broker's defaults. What went wrong, by name; the image of the context is fresh afterwards.
awaitable<CreationErrors> create(RequestContext& context, std::vector<std::string> names) {
    protocol::CreateTopicsRequest request;
    for (const auto& name : names) request.topics.push_back(new_topic(*context.node.config, name));
    const auto deadline = controller_deadline(context, context.node.config->request_timeout_ms);
    const auto reply = co_await context.node.controller->ask(std::move(request), deadline);
    context.image = context.shard.image();
    CreationErrors errors;
    if (!reply) {
        for (const auto& name : names) errors[name] = ErrorCode::leader_not_available;
        co_return errors;
    }
    for (const auto& topic : reply->topics) {
        const auto code = static_cast<ErrorCode>(topic.error_code);
        if (code == ErrorCode::none) continue;
        errors[topic.name] = code == ErrorCode::topic_already_exists ? ErrorCode::leader_not_available : code;
    }
    co_return errors;
}

bool wants_all(const MetadataRequest& request, std::int16_t version) {
    return version == 0 ? !request.topics || request.topics->empty() : !request.topics;
}

}  // namespace

awaitable<Result<MetadataResponse>> MetadataHandler::handle(RequestContext& context, MetadataRequest& request) {
    const std::int16_t version = context.version;
    const bool all = wants_all(request, version);
    CreationErrors creation_errors;
    if (!all) {
        for (const auto& asked : *request.topics) {
            if (version < 12 && (!asked.name || !asked.topic_id.is_zero()))
                co_return Error::of(ErrorCode::invalid_request);
        }
        if (request.allow_auto_topic_creation && context.node.config->auto_create_topics) {
            auto missing = missing_names(*context.image, request);
            if (!missing.empty()) creation_errors = co_await create(context, std::move(missing));
        }
    }

    const auto& image = *context.image;
    MetadataResponse response;
    add_brokers(image, context.listener_name, response);
    response.cluster_id = context.node.cluster_id;
    // Any broker forwards to the controller (KIP-590): name one that answers clients.
    response.controller_id = context.node.id;
    if (all) {
        for (const auto& [name, topic] : image.topics())
            response.topics.push_back(describe(image, *topic, context.listener_name));
    } else {
        for (const auto& asked : *request.topics) {
            const auto topic =
                asked.topic_id.is_zero() ? image.topic(asked.name.value_or("")) : image.topic(asked.topic_id);
            if (topic) {
                response.topics.push_back(describe(image, *topic, context.listener_name));
                continue;
            }
            auto code = asked.topic_id.is_zero() ? ErrorCode::unknown_topic_or_partition : ErrorCode::unknown_topic_id;
            if (asked.name && !check_topic_name(*asked.name)) code = ErrorCode::invalid_topic_exception;
            if (const auto at = creation_errors.find(asked.name.value_or("")); at != creation_errors.end())
                code = at->second;
            response.topics.push_back(failed(asked, code, version));
        }
    }
    if (request.include_topic_authorized_operations) {
        for (auto& topic : response.topics) topic.topic_authorized_operations = all_topic_operations();
    }
    if (request.include_cluster_authorized_operations)
        response.cluster_authorized_operations = all_cluster_operations();
    co_return response;
}

MetadataResponse MetadataHandler::error_answer(const MetadataRequest& request, std::int16_t version, ErrorCode code) {
    MetadataResponse response;
    if (request.topics) {
        for (const auto& asked : *request.topics) response.topics.push_back(failed(asked, code, version));
    }
    if (version >= 13) response.error_code = wire(code);
    return response;
}

}  // namespace ottla::broker
