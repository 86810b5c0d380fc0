// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/image_builder.hpp"

#include <fmt/format.h>

namespace ottla::broker {
namespace {

Error misfit(std::string text) { return Error::of(ErrorCode::corrupt_storage, "metadata log: " + std::move(text)); }

// The map that may be written: copied from the shared one when first touched.
template <class Map>
Map& own(std::shared_ptr<Map>& mine, std::shared_ptr<const Map>& shared) {
    if (!mine) {
        mine = std::make_shared<Map>(*shared);
        shared = mine;
    }
    return *mine;
}

}  // namespace

ImageBuilder::ImageBuilder(std::shared_ptr<const MetadataImage> base) : base_(std::move(base)) {}

MetadataImage& ImageBuilder::image() {
    if (!next_) next_ = std::shared_ptr<MetadataImage>(new MetadataImage(*base_));
    return *next_;
}

std::shared_ptr<const MetadataImage> ImageBuilder::build() {
    if (next_) {
        base_ = next_;
        next_.reset();
        topics_.reset();
        topic_ids_.reset();
        brokers_.reset();
        configs_.reset();
        features_.reset();
        carried_.reset();
        own_topics_.clear();
    }
    return base_;
}

void ImageBuilder::skip_to(std::int64_t offset) {
    if (!in_transaction_) image().offset_ = offset;
}

Result<void> ImageBuilder::apply(const MetadataRecord& record, std::int64_t offset) {
    if (std::holds_alternative<protocol::BeginTransactionRecord>(record)) {
        if (in_transaction_) return misfit(fmt::format("offset {}: a transaction within a transaction", offset));
        in_transaction_ = true;
        return ok();
    }
    if (std::holds_alternative<protocol::AbortTransactionRecord>(record)) {
        in_transaction_ = false;
        transaction_.clear();
    } else if (std::holds_alternative<protocol::EndTransactionRecord>(record)) {
        in_transaction_ = false;
        for (const auto& one : std::exchange(transaction_, {})) {
            if (auto played = play(one); !played) return played;
        }
    } else if (in_transaction_) {
        transaction_.push_back(record);
        return ok();
    } else if (auto played = play(record); !played) {
        return std::move(played).with_context(fmt::format("offset {}", offset));
    }
    image().offset_ = offset;
    return ok();
}

// What nobody here reads; the rest (NoOp, the state of a migration that is over) leaves no trace.
template <class Record>
void ImageBuilder::carry(const Record& record) {
    if constexpr (requires(CarriedRecords& all) { all.apply(record); }) own(carried_, image().carried_).apply(record);
}

Result<void> ImageBuilder::play(const MetadataRecord& record) {
    return std::visit(
        [this]<class Record>(const Record& one) -> Result<void> {
            if constexpr (requires { this->on(one); }) {
                return on(one);
            } else {
                carry(one);
                return ok();
            }
        },
        record);
}

std::shared_ptr<TopicImage> ImageBuilder::change_topic(const Uuid& id) {
    if (const auto mine = own_topics_.find(id); mine != own_topics_.end()) return mine->second;
    const auto there = image().topic(id);
    if (!there) return nullptr;
    auto copy = std::make_shared<TopicImage>(*there);
    own_topics_[id] = copy;
    own(topics_, image().topics_)[copy->name] = copy;
    own(topic_ids_, image().topic_ids_)[id] = copy;
    return copy;
}

Result<void> ImageBuilder::on(const protocol::TopicRecord& record) {
    if (image().topic(record.name)) return misfit(fmt::format("topic '{}' is created twice", record.name));
    auto topic = std::make_shared<TopicImage>();
    topic->name = record.name;
    topic->id = record.topic_id;
    own_topics_[topic->id] = topic;
    own(topics_, image().topics_)[topic->name] = topic;
    own(topic_ids_, image().topic_ids_)[topic->id] = topic;
    return ok();
}

Result<void> ImageBuilder::on(const protocol::RemoveTopicRecord& record) {
    const auto topic = image().topic(record.topic_id);
    if (!topic) return misfit(fmt::format("unknown topic id {} is removed", to_string(record.topic_id)));
    image().partition_count_ -= topic->partitions.size();
    own(topics_, image().topics_).erase(topic->name);
    own(topic_ids_, image().topic_ids_).erase(topic->id);
    own(configs_, image().configs_).erase(ConfigResource{ConfigResourceType::topic, topic->name});
    own_topics_.erase(topic->id);
    return ok();
}

Result<void> ImageBuilder::on(const protocol::PartitionRecord& record) {
    const auto topic = change_topic(record.topic_id);
    if (!topic) return misfit(fmt::format("a partition of the unknown topic id {}", to_string(record.topic_id)));
    const auto number = static_cast<std::size_t>(record.partition_id);
    if (record.partition_id < 0 || number > topic->partitions.size()) {
        return misfit(fmt::format("partition {} of topic '{}' leaves a gap", record.partition_id, topic->name));
    }
    if (number == topic->partitions.size()) {
        topic->partitions.emplace_back();
        ++image().partition_count_;
    }
    auto& partition = topic->partitions[number];
    partition = PartitionImage{};
    partition.replicas = record.replicas;
    partition.isr = record.isr;
    partition.removing_replicas = record.removing_replicas;
    partition.adding_replicas = record.adding_replicas;
    partition.eligible_leader_replicas = record.eligible_leader_replicas.value_or(std::vector<std::int32_t>{});
    partition.last_known_elr = record.last_known_elr.value_or(std::vector<std::int32_t>{});
    partition.directories = record.directories;
    partition.leader = record.leader;
    partition.leader_epoch = record.leader_epoch;
    partition.partition_epoch = record.partition_epoch;
    partition.leader_recovery_state = record.leader_recovery_state;
    return ok();
}

Result<void> ImageBuilder::on(const protocol::PartitionChangeRecord& record) {
    const auto topic = change_topic(record.topic_id);
    if (!topic || !topic->partition(record.partition_id)) {
        return misfit(fmt::format("a change of the unknown partition {} of topic id {}", record.partition_id,
                                  to_string(record.topic_id)));
    }
    auto& partition = topic->partitions[static_cast<std::size_t>(record.partition_id)];
    if (record.isr) partition.isr = *record.isr;
    if (record.replicas) partition.replicas = *record.replicas;
    if (record.removing_replicas) partition.removing_replicas = *record.removing_replicas;
    if (record.adding_replicas) partition.adding_replicas = *record.adding_replicas;
    if (record.directories) partition.directories = *record.directories;
    if (record.eligible_leader_replicas) partition.eligible_leader_replicas = *record.eligible_leader_replicas;
    if (record.last_known_elr) partition.last_known_elr = *record.last_known_elr;
    if (record.leader_recovery_state != -1) partition.leader_recovery_state = record.leader_recovery_state;
    constexpr std::int32_t leader_unchanged = -2;
    if (record.leader != leader_unchanged) {
        partition.leader = record.leader;
        ++partition.leader_epoch;
    }
    ++partition.partition_epoch;
    return ok();
}

Result<void> ImageBuilder::on(const protocol::ConfigRecord& record) {
    const ConfigResource resource{static_cast<ConfigResourceType>(record.resource_type), record.resource_name};
    auto& all = own(configs_, image().configs_);
    auto& slot = all[resource];
    auto values = slot ? std::make_shared<ConfigValues>(*slot) : std::make_shared<ConfigValues>();
    if (record.value) {
        values->insert_or_assign(record.name, *record.value);
    } else {
        values->erase(record.name);
    }
    if (values->empty()) {
        all.erase(resource);
    } else {
        slot = std::move(values);
    }
    return ok();
}

Result<void> ImageBuilder::on(const protocol::RegisterBrokerRecord& record) {
    BrokerImage broker;
    broker.id = record.broker_id;
    broker.epoch = record.broker_epoch;
    broker.incarnation_id = record.incarnation_id;
    for (const auto& e : record.end_points) broker.endpoints.push_back({e.name, e.host, e.port, e.security_protocol});
    for (const auto& f : record.features) broker.features[f.name] = {f.min_supported_version, f.max_supported_version};
    broker.rack = record.rack;
    broker.log_dirs = record.log_dirs;
    if (record.cordoned_log_dirs) broker.cordoned_log_dirs = *record.cordoned_log_dirs;
    broker.fenced = record.fenced;
    broker.in_controlled_shutdown = record.in_controlled_shutdown;
    own(brokers_, image().brokers_)[broker.id] = std::move(broker);
    return ok();
}

Result<void> ImageBuilder::on(const protocol::UnregisterBrokerRecord& record) {
    own(brokers_, image().brokers_).erase(record.broker_id);
    return ok();
}

Result<BrokerImage*> ImageBuilder::change_broker(std::int32_t id, std::int64_t epoch) {
    auto& all = own(brokers_, image().brokers_);
    const auto at = all.find(id);
    if (at == all.end() || at->second.epoch != epoch) {
        return misfit(fmt::format("a change of broker {} with epoch {}, which is not registered", id, epoch));
    }
    return &at->second;
}

Result<void> ImageBuilder::on(const protocol::FenceBrokerRecord& record) {
    auto broker = change_broker(record.id, record.epoch);
    if (!broker) return broker.error();
    (*broker)->fenced = true;
    return ok();
}

Result<void> ImageBuilder::on(const protocol::UnfenceBrokerRecord& record) {
    auto broker = change_broker(record.id, record.epoch);
    if (!broker) return broker.error();
    (*broker)->fenced = false;
    return ok();
}

Result<void> ImageBuilder::on(const protocol::BrokerRegistrationChangeRecord& record) {
    auto broker = change_broker(record.broker_id, record.broker_epoch);
    if (!broker) return broker.error();
    // 1 fences, -1 unfences, 0 leaves as it is.
    if (record.fenced != 0) (*broker)->fenced = record.fenced > 0;
    if (record.in_controlled_shutdown > 0) (*broker)->in_controlled_shutdown = true;
    if (!record.log_dirs.empty()) (*broker)->log_dirs = record.log_dirs;
    if (record.cordoned_log_dirs) (*broker)->cordoned_log_dirs = *record.cordoned_log_dirs;
    return ok();
}

Result<void> ImageBuilder::on(const protocol::FeatureLevelRecord& record) {
    auto& features = own(features_, image().features_);
    if (record.feature_level == 0) {
        features.erase(record.name);
    } else {
        features[record.name] = record.feature_level;
    }
    return ok();
}

Result<void> ImageBuilder::on(const protocol::ProducerIdsRecord& record) {
    image().next_producer_id_ = record.next_producer_id;
    return ok();
}

Result<void> ImageBuilder::on(const protocol::ClearElrRecord& record) {
    std::vector<Uuid> ids;
    for (const auto& [name, topic] : image().topics()) {
        if (record.topic_name.empty() || record.topic_name == name) ids.push_back(topic->id);
    }
    for (const auto& id : ids) {
        const auto topic = change_topic(id);
        for (auto& partition : topic->partitions) {
            partition.eligible_leader_replicas.clear();
            partition.last_known_elr.clear();
        }
    }
    return ok();
}

}  // namespace ottla::broker
