// SPDX-License-Identifier: Apache-2.0
// ImageBuilder: metadata records on top of an image. Only what the records touch is copied. Records between
// BeginTransaction and EndTransaction (KIP-868) take effect together, or not at all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <ottla/result.hpp>
#include "broker/metadata/carried_records.hpp"
#include "broker/metadata/image.hpp"
#include "broker/metadata/records.hpp"

namespace ottla::broker {

class ImageBuilder {
public:
    explicit ImageBuilder(std::shared_ptr<const MetadataImage> base);

    // corrupt_storage: the record does not fit what is there (a partition of an unknown topic, say).
    Result<void> apply(const MetadataRecord&, std::int64_t offset);
    // Control records carry no metadata; they only move the offset.
    void skip_to(std::int64_t offset);

    // What was applied so far, without the records of an open transaction. The builder goes on from there.
    std::shared_ptr<const MetadataImage> build();

private:
    Result<void> play(const MetadataRecord&);

    Result<void> on(const protocol::TopicRecord&);
    Result<void> on(const protocol::RemoveTopicRecord&);
    Result<void> on(const protocol::PartitionRecord&);
    Result<void> on(const protocol::PartitionChangeRecord&);
    Result<void> on(const protocol::ConfigRecord&);
    Result<void> on(const protocol::RegisterBrokerRecord&);
    Result<void> on(const protocol::UnregisterBrokerRecord&);
    Result<void> on(const protocol::FenceBrokerRecord&);
    Result<void> on(const protocol::UnfenceBrokerRecord&);
    Result<void> on(const protocol::BrokerRegistrationChangeRecord&);
    Result<void> on(const protocol::FeatureLevelRecord&);
    Result<void> on(const protocol::ProducerIdsRecord&);
    Result<void> on(const protocol::ClearElrRecord&);
    template <class Record>
    void carry(const Record&);

    MetadataImage& image();
    std::shared_ptr<TopicImage> change_topic(const Uuid&);
    Result<BrokerImage*> change_broker(std::int32_t id, std::int64_t epoch);

    std::shared_ptr<const MetadataImage> base_;
    std::shared_ptr<MetadataImage> next_;  // null: nothing changed since base_
    // The maps of next_ that are its own already.
    std::shared_ptr<MetadataImage::Topics> topics_;
    std::shared_ptr<MetadataImage::TopicIds> topic_ids_;
    std::shared_ptr<MetadataImage::Brokers> brokers_;
    std::shared_ptr<MetadataImage::Configs> configs_;
    std::shared_ptr<MetadataImage::Features> features_;
    std::shared_ptr<CarriedRecords> carried_;
    std::map<Uuid, std::shared_ptr<TopicImage>> own_topics_;

    bool in_transaction_ = false;
    std::vector<MetadataRecord> transaction_;
};

}  // namespace ottla::broker
