// SPDX-License-Identifier: Apache-2.0
// Controller: CreateTopics.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "broker/metadata/config_conflicts.hpp"
#include "broker/metadata/controller.hpp"
#include "broker/metadata/image_builder.hpp"
#include "broker/metadata/partition_records.hpp"
#include "broker/metadata/placement.hpp"
#include "broker/metadata/topic_names.hpp"
#include "broker/server/effective_config.hpp"

namespace ottla::broker {
namespace {

using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;

// What one request has taken already, so that two of its topics do not collide.
class Names {
public:
    Names(const MetadataImage& image, const CreateTopicsRequest& request) : image_(image) {
        for (const auto& topic : request.topics) ++asked_[topic.name];
        for (const auto& [name, topic] : image.topics()) taken_.emplace(collision_key(name), name);
    }

    Result<void> check(const std::string& name) const {
        if (asked_.at(name) > 1) return Error::of(ErrorCode::invalid_request, "Duplicate topic name.");
        if (name == "__cluster_metadata") {
            return Error::of(ErrorCode::invalid_request,
                             "Creation of internal topic __cluster_metadata is prohibited.");
        }
        if (image_.topic(name))
            return Error::of(ErrorCode::topic_already_exists, fmt::format("Topic '{}' already exists.", name));
        if (auto right = check_topic_name(name); !right) return right;
        if (const auto at = taken_.find(collision_key(name)); at != taken_.end()) {
            return Error::of(ErrorCode::invalid_topic_exception,
                             fmt::format("Topic '{}' collides with existing topic: {}", name, at->second));
        }
        return ok();
    }
    void take(const std::string& name) { taken_.emplace(collision_key(name), name); }

private:
    const MetadataImage& image_;
    std::map<std::string, int> asked_;
    std::map<std::string, std::string> taken_;
};

Result<std::vector<Assignment>> manual_assignment(const MetadataImage& image,
                                                  const CreateTopicsRequest::CreatableTopic& topic) {
    if (topic.replication_factor != -1 || topic.num_partitions != -1) {
        return Error::of(
            ErrorCode::invalid_request,
            "A manual partition assignment was specified, but the number of partitions and the replication "
            "factor were not both set to -1.");
    }
    std::map<std::int32_t, Assignment> by_number;
    for (const auto& one : topic.assignments) {
        if (auto right = check_replicas(image, one.partition_index, one.broker_ids); !right) return right.error();
        if (!by_number.emplace(one.partition_index, one.broker_ids).second) {
            return Error::of(
                ErrorCode::invalid_replica_assignment,
                fmt::format("Found multiple manual partition assignments for partition {}", one.partition_index));
        }
    }
    std::vector<Assignment> all;
    for (auto& [number, replicas] : by_number) {
        if (number != static_cast<std::int32_t>(all.size())) {
            return Error::of(ErrorCode::invalid_replica_assignment,
                             "partitions should be a consecutive 0-based integer sequence");
        }
        if (!all.empty() && replicas.size() != all.front().size()) {
            return Error::of(ErrorCode::invalid_replica_assignment,
                             "The manual partition assignment gives partitions different numbers of replicas.");
        }
        all.push_back(std::move(replicas));
    }
    return all;
}

Result<std::vector<Assignment>> automatic_assignment(const MetadataImage& image,
                                                     const CreateTopicsRequest::CreatableTopic& topic,
                                                     const ControllerOptions& options, base::Random& random) {
    if (topic.replication_factor < -1 || topic.replication_factor == 0) {
        return Error::of(ErrorCode::invalid_replication_factor,
                         "Replication factor must be larger than 0, or -1 to use the default value.");
    }
    if (topic.num_partitions < -1 || topic.num_partitions == 0) {
        return Error::of(ErrorCode::invalid_partitions,
                         "Number of partitions was set to an invalid non-positive value.");
    }
    const std::int16_t copies =
        topic.replication_factor == -1 ? options.default_replication_factor : topic.replication_factor;
    const std::int32_t partitions = topic.num_partitions == -1 ? options.num_partitions : topic.num_partitions;
    return place_replicas(image, partitions, copies, random);
}

Result<std::vector<MetadataRecord>> config_records(const CreateTopicsRequest::CreatableTopic& topic) {
    std::vector<MetadataRecord> records;
    bool touches_min_isr = false;
    for (const auto& config : topic.configs) {
        if (!config.value) {
            return Error::of(ErrorCode::invalid_config,
                             fmt::format("Null value not supported for topic configs: {}", config.name));
        }
        if (auto right = check_topic_config(config.name, config.value); !right) return right.error();
        protocol::ConfigRecord record;
        record.resource_type = static_cast<std::int8_t>(ConfigResourceType::topic);
        record.resource_name = topic.name;
        record.name = config.name;
        record.value = config.value;
        records.emplace_back(std::move(record));
        touches_min_isr |= config.name == "min.insync.replicas";
    }
    if (touches_min_isr) {
        protocol::ClearElrRecord clear;
        clear.topic_name = topic.name;
        records.emplace_back(std::move(clear));
    }
    return records;
}

// How many records a topic takes, counted from the request alone: a few bytes can ask for more than memory holds.
std::size_t records_wanted(const CreateTopicsRequest::CreatableTopic& topic, const ControllerOptions& options) {
    const std::int32_t asked = topic.num_partitions == -1 ? options.num_partitions : topic.num_partitions;
    const std::size_t partitions =
        topic.assignments.empty() ? static_cast<std::size_t>(std::max(asked, 0)) : topic.assignments.size();
    return 1 + partitions + topic.configs.size();
}

Result<std::vector<MetadataRecord>> records_for(const ImagePtr& image, const CreateTopicsRequest::CreatableTopic& topic,
                                                const ControllerOptions& options, base::Random& random) {
    auto assignment = topic.assignments.empty() ? automatic_assignment(*image, topic, options, random)
                                                : manual_assignment(*image, topic);
    if (!assignment) return assignment.error();
    if (auto right = check_replication_factor(*assignment, options.replication_factor_max); !right)
        return right.error();
    auto configs = config_records(topic);
    if (!configs) return configs.error();
    const auto together = check_config_conflicts(image, *configs, topic.name, options.static_values, options.node_id);
    if (!together) return together.error();

    protocol::TopicRecord created;
    created.name = topic.name;
    created.topic_id = random.uuid();
    std::vector<MetadataRecord> records;
    for (auto& config : *configs) records.push_back(std::move(config));
    for (std::size_t p = 0; p < assignment->size(); ++p) {
        records.push_back(
            partition_record(created.topic_id, static_cast<std::int32_t>(p), new_partition(*image, (*assignment)[p])));
    }
    records.emplace(records.begin(), std::move(created));
    return records;
}

// The topic as it will be, with all of its configs (shown from version 5 on).
void describe(const ImagePtr& image, const std::vector<MetadataRecord>& records, const ControllerOptions& options,
              CreateTopicsResponse::CreatableTopicResult& result) {
    ImageBuilder builder(image);
    for (const auto& record : records) {
        const auto applied = builder.apply(record, image->offset() + 1);
        OTTLA_ASSERT(applied.has_value());
    }
    const auto after = builder.build();
    const auto topic = after->topic(result.name);
    result.topic_id = topic->id;
    result.num_partitions = static_cast<std::int32_t>(topic->partitions.size());
    result.replication_factor = static_cast<std::int16_t>(topic->partitions.front().replicas.size());
    const ConfigView view{*after, options.static_values, options.node_id};
    result.configs.emplace();
    for (const auto& key : config_keys(ConfigScope::topic)) {
        if (key.is_internal()) continue;
        const auto effective = effective_topic_config(key, view, result.name);
        CreateTopicsResponse::CreatableTopicConfigs one;
        one.name = key.name;
        one.value = effective.value;
        one.config_source = static_cast<std::int8_t>(effective.source);
        result.configs->push_back(std::move(one));
    }
}

}  // namespace

Decision Controller::on(const ImagePtr& image, const CreateTopicsRequest& request) {
    Decision decision;
    CreateTopicsResponse response;
    Names names(*image, request);
    std::set<std::string> answered;
    const auto records_max = static_cast<std::size_t>(options_.partitions_per_request_max);
    std::size_t taken = 0;
    for (const auto& topic : request.topics) {
        if (!answered.insert(topic.name).second) continue;
        CreateTopicsResponse::CreatableTopicResult result;
        result.name = topic.name;
        result.configs.reset();
        result.error_message.reset();
        Result<std::vector<MetadataRecord>> records = std::vector<MetadataRecord>{};
        if (auto right = names.check(topic.name); !right) {
            records = right.error();
        } else if (taken + records_wanted(topic, options_) > records_max) {
            records = Error::of(ErrorCode::policy_violation, "Excessively large number of partitions per request.");
        } else {
            records = records_for(image, topic, options_, random_);
        }
        if (records) {
            taken += records->size();
            names.take(topic.name);
            describe(image, *records, options_, result);
            if (!request.validate_only) {
                for (auto& record : *records) decision.records.push_back(std::move(record));
            }
        } else {
            result.error_code = static_cast<std::int16_t>(records.error().code());
            result.error_message = std::string(records.error().text());
        }
        response.topics.push_back(std::move(result));
    }
    decision.reply = std::move(response);
    return decision;
}

}  // namespace ottla::broker
