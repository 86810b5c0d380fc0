// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/image_records.hpp"

#include "broker/metadata/carried_records.hpp"
#include "broker/metadata/partition_records.hpp"

namespace ottla::broker {
namespace {

constexpr std::string_view metadata_version = "metadata.version";

MetadataRecord feature_record(std::string_view name, std::int16_t level) {
    protocol::FeatureLevelRecord record;
    record.name = name;
    record.feature_level = level;
    return record;
}

MetadataRecord broker_record(const BrokerImage& broker) {
    protocol::RegisterBrokerRecord record;
    record.broker_id = broker.id;
    record.broker_epoch = broker.epoch;
    record.incarnation_id = broker.incarnation_id;
    for (const auto& endpoint : broker.endpoints) {
        auto& one = record.end_points.emplace_back();
        one.name = endpoint.name;
        one.host = endpoint.host;
        one.port = endpoint.port;
        one.security_protocol = endpoint.security_protocol;
    }
    for (const auto& [name, range] : broker.features) {
        auto& one = record.features.emplace_back();
        one.name = name;
        one.min_supported_version = range.min;
        one.max_supported_version = range.max;
    }
    record.rack = broker.rack;
    record.log_dirs = broker.log_dirs;
    if (!broker.cordoned_log_dirs.empty()) record.cordoned_log_dirs = broker.cordoned_log_dirs;
    record.fenced = broker.fenced;
    record.in_controlled_shutdown = broker.in_controlled_shutdown;
    return record;
}

// Ends with the first error.
class ImageRecords {
public:
    ImageRecords(const MetadataImage& image, Function<Result<void>(const MetadataRecord&)> take)
        : image_(image),
          take_(std::move(take)) {}

    Result<void> run() {
        features();
        for (const auto& [id, broker] : image_.brokers()) give(broker_record(broker));
        give_all(image_.carried().controllers);
        for (const auto& [name, topic] : image_.topics()) give_topic(*topic);
        configs();
        give_all(image_.carried().quotas);
        producer_ids();
        give_all(image_.carried().acls);
        give_all(image_.carried().credentials);
        give_all(image_.carried().tokens);
        return std::move(result_);
    }

private:
    void give(const MetadataRecord& record) {
        if (result_) result_ = take_(record);
    }

    template <class Map>
    void give_all(const Map& records) {
        for (const auto& [key, record] : records) give(record);
    }

    void features() {
        // Whoever reads a snapshot learns first what else may stand in it.
        const auto version = image_.features().find(metadata_version);
        if (version != image_.features().end()) give(feature_record(version->first, version->second));
        for (const auto& [name, level] : image_.features()) {
            if (name != metadata_version) give(feature_record(name, level));
        }
    }

    void give_topic(const TopicImage& topic) {
        protocol::TopicRecord record;
        record.name = topic.name;
        record.topic_id = topic.id;
        give(record);
        std::int32_t number = 0;
        for (const auto& partition : topic.partitions) give(partition_record(topic.id, number++, partition));
    }

    void configs() {
        for (const auto& [resource, values] : image_.all_configs()) {
            for (const auto& [name, value] : *values) {
                protocol::ConfigRecord record;
                record.resource_type = static_cast<std::int8_t>(resource.type);
                record.resource_name = resource.name;
                record.name = name;
                record.value = value;
                give(record);
            }
        }
    }

    void producer_ids() {
        if (image_.next_producer_id() == 0) return;
        protocol::ProducerIdsRecord record;
        record.broker_id = -1;
        record.broker_epoch = -1;
        record.next_producer_id = image_.next_producer_id();
        give(record);
    }

    const MetadataImage& image_;
    Function<Result<void>(const MetadataRecord&)> take_;
    Result<void> result_ = ok();
};

}  // namespace

Result<void> for_each_record(const MetadataImage& image, Function<Result<void>(const MetadataRecord&)> take) {
    return ImageRecords(image, std::move(take)).run();
}

}  // namespace ottla::broker
