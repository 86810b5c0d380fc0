// SPDX-License-Identifier: Apache-2.0
// Images with a bit of everything in them, and images as records, to be compared.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.hpp"
#include "broker/metadata/carried_records.hpp"
#include "broker/metadata/image_builder.hpp"
#include "broker/metadata/image_records.hpp"

namespace ottla::broker {

class RandomRecords {
public:
    explicit RandomRecords(std::uint64_t seed) : random_(seed) {}

    // One that fits what those before it made.
    MetadataRecord next() {
        switch (random_.below(topics_.empty() ? 8 : 14)) {
            case 0: return broker();
            case 1: return topic();
            case 2: return config();
            case 3: return feature();
            case 4: return acl();
            case 5: return credential();
            case 6: return quota();
            case 7: return misc();
            case 8: return removed_topic();
            default: return partition();
        }
    }

private:
    std::string word(const char* prefix, std::uint64_t n) { return prefix + std::to_string(random_.below(n)); }
    std::vector<std::int32_t> ids() {
        std::vector<std::int32_t> all;
        for (auto n = random_.below(4); n > 0; --n) all.push_back(static_cast<std::int32_t>(random_.below(100)));
        return all;
    }
    std::vector<Uuid> uuids() {
        std::vector<Uuid> all;
        for (auto n = random_.below(4); n > 0; --n) all.push_back(random_.uuid());
        return all;
    }

    MetadataRecord broker() {
        protocol::RegisterBrokerRecord record;
        record.broker_id = static_cast<std::int32_t>(random_.below(5));
        record.broker_epoch = static_cast<std::int64_t>(random_.below(1000));
        record.incarnation_id = random_.uuid();
        auto& endpoint = record.end_points.emplace_back();
        endpoint.name = word("L", 3);
        endpoint.host = word("host", 9);
        endpoint.port = static_cast<std::uint16_t>(random_.below(65536));
        auto& range = record.features.emplace_back();
        range.name = word("f", 4);
        range.max_supported_version = 3;
        if (random_.chance(0.5)) record.rack = word("rack", 3);
        record.fenced = random_.chance(0.5);
        record.in_controlled_shutdown = random_.chance(0.3);
        record.log_dirs = uuids();
        if (random_.chance(0.3)) record.cordoned_log_dirs = uuids();
        return record;
    }
    MetadataRecord topic() {
        protocol::TopicRecord record;
        record.name = "t" + std::to_string(made_++);
        record.topic_id = random_.uuid();
        topics_.push_back({record.topic_id, 0});
        return record;
    }
    MetadataRecord removed_topic() {
        const auto at = random_.below(topics_.size());
        protocol::RemoveTopicRecord record;
        record.topic_id = topics_[at].first;
        topics_.erase(topics_.begin() + static_cast<std::ptrdiff_t>(at));
        return record;
    }
    MetadataRecord partition() {
        auto& [id, partitions] = topics_[random_.below(topics_.size())];
        protocol::PartitionRecord record;
        record.topic_id = id;
        record.partition_id = partitions++;
        record.replicas = ids();
        record.isr = ids();
        record.removing_replicas = ids();
        record.adding_replicas = ids();
        if (random_.chance(0.5)) record.eligible_leader_replicas = ids();
        if (random_.chance(0.5)) record.last_known_elr = ids();
        record.directories = uuids();
        record.leader = static_cast<std::int32_t>(random_.below(5)) - 1;
        record.leader_epoch = static_cast<std::int32_t>(random_.below(50));
        record.partition_epoch = static_cast<std::int32_t>(random_.below(50));
        record.leader_recovery_state = random_.chance(0.2) ? 1 : 0;
        return record;
    }
    MetadataRecord config() {
        protocol::ConfigRecord record;
        record.resource_type = random_.chance(0.5) ? 2 : 4;
        record.resource_name = word("", 4);
        record.name = word("key", 5);
        if (random_.chance(0.7)) record.value = word("v", 100);
        return record;
    }
    MetadataRecord feature() {
        protocol::FeatureLevelRecord record;
        record.name = random_.chance(0.3) ? "metadata.version" : word("f", 4);
        record.feature_level = static_cast<std::int16_t>(random_.below(4));
        return record;
    }
    MetadataRecord acl() {
        if (!acls_.empty() && random_.chance(0.3)) {
            protocol::RemoveAccessControlEntryRecord removed;
            removed.id = acls_.back();
            acls_.pop_back();
            return removed;
        }
        protocol::AccessControlEntryRecord record;
        record.id = acls_.emplace_back(random_.uuid());
        record.resource_name = word("r", 9);
        record.principal = word("User:", 9);
        record.host = "*";
        return record;
    }
    MetadataRecord credential() {
        if (random_.chance(0.3)) {
            protocol::RemoveUserScramCredentialRecord removed;
            removed.name = word("u", 3);
            removed.mechanism = 1;
            return removed;
        }
        protocol::UserScramCredentialRecord record;
        record.name = word("u", 3);
        record.mechanism = 1;
        record.salt = Bytes::copy_of(as_bytes(word("salt", 100)));
        record.iterations = 4096;
        return record;
    }
    MetadataRecord quota() {
        protocol::ClientQuotaRecord record;
        record.entity.emplace_back().entity_type = "user";
        if (random_.chance(0.5)) record.entity.front().entity_name = word("u", 3);
        record.key = word("rate", 2);
        record.value = static_cast<double>(random_.below(100));
        record.remove = random_.chance(0.3);
        return record;
    }
    MetadataRecord misc() {
        switch (random_.below(4)) {
            case 0: {
                protocol::ProducerIdsRecord record;
                record.next_producer_id = static_cast<std::int64_t>(random_.below(5000));
                return record;
            }
            case 1: {
                protocol::RegisterControllerRecord record;
                record.controller_id = static_cast<std::int32_t>(random_.below(3));
                record.incarnation_id = random_.uuid();
                return record;
            }
            case 2: {
                protocol::DelegationTokenRecord record;
                record.token_id = word("token", 3);
                record.owner = "User:a";
                return record;
            }
            default: return protocol::NoOpRecord{};
        }
    }

    base::Random random_;
    int made_ = 0;
    std::vector<std::pair<Uuid, std::int32_t>> topics_;
    std::vector<Uuid> acls_;
};

inline std::vector<MetadataRecord> records_of(const MetadataImage& image) {
    std::vector<MetadataRecord> all;
    const auto done = for_each_record(image, [&all](const MetadataRecord& record) -> Result<void> {
        all.push_back(record);
        return ok();
    });
    EXPECT_TRUE(done.has_value());
    return all;
}

// Nothing is told but what the log told.
inline void expect_same(const MetadataImage& left, const MetadataImage& right) {
    EXPECT_EQ(left.offset(), right.offset());
    EXPECT_EQ(left.brokers(), right.brokers());
    EXPECT_EQ(left.features(), right.features());
    EXPECT_EQ(left.carried(), right.carried());
    EXPECT_EQ(left.next_producer_id(), right.next_producer_id());
    EXPECT_EQ(left.partition_count(), right.partition_count());
    ASSERT_EQ(left.topics().size(), right.topics().size());
    for (const auto& [name, topic] : left.topics()) {
        ASSERT_TRUE(right.topic(name)) << name;
        EXPECT_EQ(*topic, *right.topic(name));
        EXPECT_EQ(right.topic(topic->id), right.topic(name));
    }
    ASSERT_EQ(left.all_configs().size(), right.all_configs().size());
    for (const auto& [resource, values] : left.all_configs()) {
        EXPECT_EQ(*values, right.configs(resource.type, resource.name));
    }
}

}  // namespace ottla::broker
