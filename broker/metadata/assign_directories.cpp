// SPDX-License-Identifier: Apache-2.0
// Controller: which log directory of its broker a replica lies in, and directories that have failed (KIP-858).
#include <algorithm>

#include "broker/metadata/controller.hpp"
#include "broker/metadata/leadership.hpp"

namespace ottla::broker {
namespace {

ErrorCode check_broker(const BrokerImage* broker, std::int64_t epoch) {
    if (!broker) return ErrorCode::broker_id_not_registered;
    return broker->epoch == epoch ? ErrorCode::none : ErrorCode::stale_broker_epoch;
}

std::vector<Uuid> with_directory(const PartitionImage& partition, std::int32_t broker, const Uuid& directory) {
    std::vector<Uuid> all;
    for (const auto replica : partition.replicas)
        all.push_back(replica == broker ? directory : partition.directory_of(replica));
    return all;
}

ErrorCode assign(const MetadataImage& image, const BrokerImage& broker, const Uuid& directory, const Uuid& topic_id,
                 std::int32_t number, std::vector<MetadataRecord>& records) {
    const auto topic = image.topic(topic_id);
    if (!topic) return ErrorCode::unknown_topic_id;
    const auto* partition = topic->partition(number);
    if (!partition) return ErrorCode::unknown_topic_or_partition;
    if (!partition->has_replica(broker.id)) return ErrorCode::not_leader_or_follower;
    if (partition->directory_of(broker.id) == directory) return ErrorCode::none;
    std::optional<protocol::PartitionChangeRecord> change;
    if (!directory_is_online(broker, directory)) {
        change = leave_partition(image, *topic, number, broker.id);
    } else if (!broker.fenced && partition->leader == -1) {
        change = take_partition(*topic, number, broker.id);
    }
    if (!change) change = change_of(*topic, number);
    change->directories = with_directory(*partition, broker.id, directory);
    records.emplace_back(std::move(*change));
    return ErrorCode::none;
}

}  // namespace

Decision Controller::on(const ImagePtr& image, const protocol::AssignReplicasToDirsRequest& request) {
    Decision decision;
    protocol::AssignReplicasToDirsResponse response;
    const auto* broker = image->broker(request.broker_id);
    const ErrorCode wrong = check_broker(broker, request.broker_epoch);
    response.error_code = static_cast<std::int16_t>(wrong);
    if (wrong == ErrorCode::none) {
        for (const auto& directory : request.directories) {
            auto& told = response.directories.emplace_back();
            told.id = directory.id;
            for (const auto& topic : directory.topics) {
                auto& of_topic = told.topics.emplace_back();
                of_topic.topic_id = topic.topic_id;
                for (const auto& partition : topic.partitions) {
                    auto& one = of_topic.partitions.emplace_back();
                    one.partition_index = partition.partition_index;
                    one.error_code = static_cast<std::int16_t>(assign(*image, *broker, directory.id, topic.topic_id,
                                                                      partition.partition_index, decision.records));
                }
            }
        }
    }
    decision.reply = std::move(response);
    return decision;
}

Decision Controller::on(const ImagePtr& image, const DirectoriesOfflineRequest& request) {
    Decision decision;
    DirectoriesOfflineRequest::Response response;
    const auto* broker = image->broker(request.broker_id);
    response.error = check_broker(broker, request.broker_epoch);
    if (response.error == ErrorCode::none) {
        const auto failed = [&](const Uuid& id) {
            return std::find(request.directories.begin(), request.directories.end(), id) != request.directories.end();
        };
        for_each_partition_of(*image, broker->id,
                              [&](const TopicImage& topic, std::int32_t number, const PartitionImage& partition) {
                                  if (!failed(partition.directory_of(broker->id))) return;
                                  auto change = leave_partition(*image, topic, number, broker->id);
                                  if (change) decision.records.emplace_back(std::move(*change));
                              });
        protocol::BrokerRegistrationChangeRecord left;
        left.broker_id = broker->id;
        left.broker_epoch = broker->epoch;
        for (const auto& id : broker->log_dirs) {
            if (!failed(id)) left.log_dirs.push_back(id);
        }
        if (left.log_dirs.size() != broker->log_dirs.size()) decision.records.emplace_back(std::move(left));
    }
    decision.reply = response;
    return decision;
}

}  // namespace ottla::broker
