// SPDX-License-Identifier: Apache-2.0
// Controller: brokers register, come up and go down, and who leads their partitions then; producer id blocks.
#include <fmt/format.h>

#include "broker/metadata/controller.hpp"
#include "broker/metadata/leadership.hpp"

namespace ottla::broker {
namespace {

void leave_partitions(const MetadataImage& image, std::int32_t broker, std::vector<MetadataRecord>& records) {
    for_each_partition_of(image, broker, [&](const TopicImage& topic, std::int32_t number, const PartitionImage&) {
        auto change = leave_partition(image, topic, number, broker);
        if (change) records.emplace_back(std::move(*change));
    });
}

// The broker has registered anew, and with it the directories that it has now: it leaves what lies in one that it has
// no more.
void take_partitions(const MetadataImage& image, const BrokerImage& broker, std::vector<MetadataRecord>& records) {
    for_each_partition_of(
        image, broker.id, [&](const TopicImage& topic, std::int32_t number, const PartitionImage& partition) {
            const bool online = directory_is_online(broker, partition.directory_of(broker.id));
            auto change =
                online ? take_partition(topic, number, broker.id) : leave_partition(image, topic, number, broker.id);
            if (change) records.emplace_back(std::move(*change));
        });
}

MetadataRecord registration_change(const BrokerImage& broker, std::int8_t fenced, std::int8_t shutdown) {
    protocol::BrokerRegistrationChangeRecord record;
    record.broker_id = broker.id;
    record.broker_epoch = broker.epoch;
    record.fenced = fenced;
    record.in_controlled_shutdown = shutdown;
    return record;
}

constexpr std::int32_t producer_id_block = 1000;

}  // namespace

Decision Controller::on(const ImagePtr& image, const protocol::BrokerRegistrationRequest& request) {
    Decision decision;
    protocol::BrokerRegistrationResponse response;
    const auto* known = image->broker(request.broker_id);
    if (request.cluster_id != options_.cluster_id) {
        response.error_code = static_cast<std::int16_t>(ErrorCode::inconsistent_cluster_id);
    } else if (known && known->incarnation_id == request.incarnation_id) {
        response.broker_epoch = known->epoch;
    } else {
        protocol::RegisterBrokerRecord record;
        record.broker_id = request.broker_id;
        record.incarnation_id = request.incarnation_id;
        record.broker_epoch = image->offset() + 1;  // the offset of this very record
        for (const auto& listener : request.listeners) {
            protocol::RegisterBrokerRecord::BrokerEndpoint one;
            one.name = listener.name;
            one.host = listener.host;
            one.port = listener.port;
            one.security_protocol = listener.security_protocol;
            record.end_points.push_back(std::move(one));
        }
        for (const auto& feature : request.features) {
            protocol::RegisterBrokerRecord::BrokerFeature one;
            one.name = feature.name;
            one.min_supported_version = feature.min_supported_version;
            one.max_supported_version = feature.max_supported_version;
            record.features.push_back(std::move(one));
        }
        record.rack = request.rack;
        record.log_dirs = request.log_dirs;
        record.fenced = true;
        response.broker_epoch = record.broker_epoch;
        decision.records.emplace_back(std::move(record));
    }
    decision.reply = std::move(response);
    return decision;
}

Decision Controller::on(const ImagePtr& image, const SetBrokerStateRequest& request) {
    Decision decision;
    SetBrokerStateRequest::Response response;
    const auto* broker = image->broker(request.broker_id);
    if (!broker) {
        response.error = ErrorCode::broker_id_not_registered;
    } else if (request.up && broker->fenced) {
        decision.records.push_back(registration_change(*broker, -1, 0));
        take_partitions(*image, *broker, decision.records);
    } else if (!request.up && !broker->fenced) {
        if (request.controlled) decision.records.push_back(registration_change(*broker, 0, 1));
        leave_partitions(*image, broker->id, decision.records);
        decision.records.push_back(registration_change(*broker, 1, 0));
    }
    decision.reply = response;
    return decision;
}

Decision Controller::on(const ImagePtr& image, const MoveLeaderRequest& request) {
    Decision decision;
    MoveLeaderRequest::Response response;
    const auto topic = image->topic(request.topic);
    if (!topic || !topic->partition(request.partition)) {
        response.error = ErrorCode::unknown_topic_or_partition;
        response.text = fmt::format("There is no partition {} of topic '{}'", request.partition, request.topic);
    } else if (!image->is_alive(request.broker_id)) {
        response.error = ErrorCode::broker_not_available;
        response.text = fmt::format("Broker {} is not up", request.broker_id);
    } else {
        auto change = change_of(*topic, request.partition);
        change.leader = request.broker_id;
        change.isr = {request.broker_id};
        if (topic->partition(request.partition)->replicas != std::vector{request.broker_id}) {
            change.replicas = {request.broker_id};
            change.directories = {request.directory};
        }
        decision.records.emplace_back(std::move(change));
    }
    decision.reply = std::move(response);
    return decision;
}

Decision Controller::on(const ImagePtr& image, const protocol::AllocateProducerIdsRequest& request) {
    Decision decision;
    protocol::AllocateProducerIdsResponse response;
    const auto* broker = image->broker(request.broker_id);
    if (!broker) {
        response.error_code = static_cast<std::int16_t>(ErrorCode::broker_id_not_registered);
    } else if (broker->epoch != request.broker_epoch) {
        response.error_code = static_cast<std::int16_t>(ErrorCode::stale_broker_epoch);
    } else {
        response.producer_id_start = image->next_producer_id();
        response.producer_id_len = producer_id_block;
        protocol::ProducerIdsRecord record;
        record.broker_id = request.broker_id;
        record.broker_epoch = request.broker_epoch;
        record.next_producer_id = image->next_producer_id() + producer_id_block;
        decision.records.emplace_back(std::move(record));
    }
    decision.reply = std::move(response);
    return decision;
}

}  // namespace ottla::broker
