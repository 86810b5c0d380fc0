// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/controller.hpp"

namespace ottla::broker {
namespace {

constexpr SupportedFeature features[] = {
    {"eligible.leader.replicas.version", {0, 1}},
    {"group.version", {0, 1}},
    {"kraft.version", {0, 1}},
    {"metadata.version", {7, 30}},
    {"share.version", {0, 1}},
    {"streams.version", {0, 1}},
    {"transaction.version", {0, 2}},
};

MetadataRecord feature_level(const char* name, std::int16_t level) {
    protocol::FeatureLevelRecord record;
    record.name = name;
    record.feature_level = level;
    return record;
}

}  // namespace

std::span<const SupportedFeature> supported_features() noexcept { return features; }

Controller::Controller(ControllerOptions options, base::Random random)
    : options_(std::move(options)),
      random_(random) {}

Decision Controller::decide(const ImagePtr& image, const ControllerRequest& request) {
    return std::visit([&](const auto& one) { return on(image, one); }, request);
}

std::vector<MetadataRecord> Controller::feature_records() {
    std::vector<MetadataRecord> records;
    records.push_back(feature_level("metadata.version", 30));
    records.push_back(feature_level("eligible.leader.replicas.version", 1));
    records.push_back(feature_level("group.version", 1));
    records.push_back(feature_level("share.version", 1));
    records.push_back(feature_level("streams.version", 1));
    records.push_back(feature_level("transaction.version", 2));
    return records;
}

std::vector<MetadataRecord> Controller::bootstrap_records() {
    std::vector<MetadataRecord> records;
    protocol::BeginTransactionRecord begin;
    begin.name = "Bootstrap records";
    records.emplace_back(std::move(begin));
    for (auto& record : feature_records()) records.push_back(std::move(record));
    // Eligible leader replicas need one min.insync.replicas for the whole cluster (KIP-966).
    protocol::ConfigRecord config;
    config.resource_type = static_cast<std::int8_t>(ConfigResourceType::broker);
    config.name = "min.insync.replicas";
    config.value = "1";
    records.emplace_back(std::move(config));
    records.emplace_back(protocol::EndTransactionRecord{});
    return records;
}

MetadataRecord Controller::controller_registration(std::span<const EndpointImage> endpoints) {
    protocol::RegisterControllerRecord record;
    record.controller_id = options_.node_id;
    record.incarnation_id = random_.uuid();
    for (const auto& endpoint : endpoints) {
        protocol::RegisterControllerRecord::ControllerEndpoint one;
        one.name = endpoint.name;
        one.host = endpoint.host;
        one.port = endpoint.port;
        one.security_protocol = endpoint.security_protocol;
        record.end_points.push_back(std::move(one));
    }
    for (const auto& feature : features) {
        protocol::RegisterControllerRecord::ControllerFeature one;
        one.name = feature.name;
        one.min_supported_version = feature.range.min;
        one.max_supported_version = feature.range.max;
        record.features.push_back(std::move(one));
    }
    return record;
}

}  // namespace ottla::broker
