// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/image.hpp"

#include <algorithm>

#include "broker/metadata/carried_records.hpp"

namespace ottla::broker {

bool PartitionImage::has_replica(std::int32_t broker) const noexcept {
    return std::find(replicas.begin(), replicas.end(), broker) != replicas.end();
}

Uuid PartitionImage::directory_of(std::int32_t broker) const noexcept {
    const auto at = static_cast<std::size_t>(std::find(replicas.begin(), replicas.end(), broker) - replicas.begin());
    return at < directories.size() ? directories[at] : Uuid{};
}

const EndpointImage* BrokerImage::endpoint(std::string_view listener_name) const noexcept {
    const auto at = std::find_if(endpoints.begin(), endpoints.end(), [&](auto& e) { return e.name == listener_name; });
    return at == endpoints.end() ? nullptr : &*at;
}

MetadataImage::MetadataImage()
    : topics_(std::make_shared<Topics>()),
      topic_ids_(std::make_shared<TopicIds>()),
      brokers_(std::make_shared<Brokers>()),
      configs_(std::make_shared<Configs>()),
      features_(std::make_shared<Features>()),
      carried_(std::make_shared<CarriedRecords>()) {}

std::shared_ptr<const MetadataImage> MetadataImage::empty() {
    return std::shared_ptr<const MetadataImage>(new MetadataImage());
}

MetadataImage::TopicPtr MetadataImage::topic(std::string_view name) const {
    const auto at = topics_->find(name);
    return at == topics_->end() ? nullptr : at->second;
}

MetadataImage::TopicPtr MetadataImage::topic(const Uuid& id) const {
    const auto at = topic_ids_->find(id);
    return at == topic_ids_->end() ? nullptr : at->second;
}

const BrokerImage* MetadataImage::broker(std::int32_t id) const noexcept {
    const auto at = brokers_->find(id);
    return at == brokers_->end() ? nullptr : &at->second;
}

bool MetadataImage::is_alive(std::int32_t id) const noexcept {
    const auto* one = broker(id);
    return one && !one->fenced;
}

const ConfigValues& MetadataImage::configs(ConfigResourceType type, std::string_view name) const {
    static const ConfigValues none;
    const auto at = configs_->find(ConfigResource{type, std::string(name)});
    return at == configs_->end() ? none : *at->second;
}

}  // namespace ottla::broker
