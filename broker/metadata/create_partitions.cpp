// SPDX-License-Identifier: Apache-2.0
// Controller: CreatePartitions.
#include <map>
#include <set>

#include <fmt/format.h>

#include "broker/metadata/controller.hpp"
#include "broker/metadata/partition_records.hpp"
#include "broker/metadata/placement.hpp"

namespace ottla::broker {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreatePartitionsResponse;

Result<std::int32_t> partitions_to_add(const TopicImage& topic, std::int32_t wanted) {
    const auto now = static_cast<std::int32_t>(topic.partitions.size());
    if (wanted < 1) return Error::of(ErrorCode::invalid_partitions, "The number of partitions must be at least 1.");
    if (wanted < now) {
        return Error::of(ErrorCode::invalid_partitions,
                         fmt::format("The topic {} currently has {} partition(s); {} would not be an increase.",
                                     topic.name, now, wanted));
    }
    if (wanted == now) {
        return Error::of(ErrorCode::invalid_partitions, fmt::format("Topic already has {} partition(s).", now));
    }
    return wanted - now;
}

Result<std::vector<Assignment>> manual_assignment(const MetadataImage& image, const TopicImage& topic,
                                                  const CreatePartitionsRequest::CreatePartitionsTopic& asked,
                                                  std::int32_t more) {
    if (asked.assignments->size() != static_cast<std::size_t>(more)) {
        return Error::of(
            ErrorCode::invalid_replica_assignment,
            fmt::format("Attempted to add {} additional partition(s), but {} assignment(s) were specified.", more,
                        asked.assignments->size()));
    }
    std::vector<Assignment> all;
    const auto copies = topic.partitions.front().replicas.size();
    for (const auto& one : *asked.assignments) {
        const auto number = static_cast<std::int32_t>(topic.partitions.size() + all.size());
        if (auto right = check_replicas(image, number, one.broker_ids); !right) return right.error();
        if (one.broker_ids.size() != copies) {
            return Error::of(ErrorCode::invalid_replica_assignment,
                             fmt::format("Partition {} is given {} replica(s), the topic has {}.", number,
                                         one.broker_ids.size(), copies));
        }
        all.push_back(one.broker_ids);
    }
    return all;
}

}  // namespace

Decision Controller::on(const ImagePtr& image, const CreatePartitionsRequest& request) {
    std::map<std::string, int> asked;
    for (const auto& topic : request.topics) ++asked[topic.name];

    std::size_t taken = 0;
    const auto assign =
        [&](const CreatePartitionsRequest::CreatePartitionsTopic& topic) -> Result<std::vector<Assignment>> {
        if (asked[topic.name] > 1) return Error::of(ErrorCode::invalid_request, "Duplicate topic in request.");
        const auto found = image->topic(topic.name);
        if (!found)
            return Error::of(ErrorCode::unknown_topic_or_partition, "This server does not host this topic-partition.");
        if (found->is_internal()) {
            return Error::of(ErrorCode::invalid_partitions,
                             fmt::format("The groups and transactions of {} are found by its number of partitions: it "
                                         "cannot be changed.",
                                         topic.name));
        }
        const auto more = partitions_to_add(*found, topic.count);
        if (!more) return more.error();
        if (taken + static_cast<std::size_t>(*more) > static_cast<std::size_t>(options_.partitions_per_request_max)) {
            return Error::of(ErrorCode::policy_violation, "Excessively large number of partitions per request.");
        }
        if (topic.assignments) return manual_assignment(*image, *found, topic, *more);
        const auto copies = static_cast<std::int16_t>(found->partitions.front().replicas.size());
        return place_replicas(*image, *more, copies, random_);
    };

    Decision decision;
    CreatePartitionsResponse response;
    std::set<std::string> answered;
    for (const auto& topic : request.topics) {
        if (!answered.insert(topic.name).second) continue;
        CreatePartitionsResponse::CreatePartitionsTopicResult result;
        result.name = topic.name;
        result.error_message.reset();
        const auto added = assign(topic);
        if (added) taken += added->size();
        if (!added) {
            result.error_code = static_cast<std::int16_t>(added.error().code());
            result.error_message = std::string(added.error().text());
        } else if (!request.validate_only) {
            const auto found = image->topic(topic.name);
            for (std::size_t i = 0; i < added->size(); ++i) {
                decision.records.push_back(partition_record(found->id,
                                                            static_cast<std::int32_t>(found->partitions.size() + i),
                                                            new_partition(*image, (*added)[i])));
            }
        }
        response.results.push_back(std::move(result));
    }
    decision.reply = std::move(response);
    return decision;
}

}  // namespace ottla::broker
