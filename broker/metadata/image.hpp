// SPDX-License-Identifier: Apache-2.0
// MetadataImage: the cluster as the metadata log tells it up to one offset. Immutable: a change makes a new image
// that shares what did not change, so every shard reads its own shared_ptr without a lock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/uuid.hpp>

namespace ottla::broker {

struct PartitionImage {
    std::vector<std::int32_t> replicas;
    std::vector<std::int32_t> isr;
    std::vector<std::int32_t> removing_replicas;
    std::vector<std::int32_t> adding_replicas;
    std::vector<std::int32_t> eligible_leader_replicas;  // KIP-966
    std::vector<std::int32_t> last_known_elr;
    std::vector<Uuid> directories;  // of each replica
    std::int32_t leader = -1;       // -1: nobody leads
    std::int32_t leader_epoch = 0;
    std::int32_t partition_epoch = 0;
    std::int8_t leader_recovery_state = 0;

    bool has_replica(std::int32_t broker) const noexcept;
    // Where that replica lies on its broker; zero when it is not known.
    Uuid directory_of(std::int32_t broker) const noexcept;
    friend bool operator==(const PartitionImage&, const PartitionImage&) = default;
};

struct TopicImage {
    std::string name;
    Uuid id;
    std::vector<PartitionImage> partitions;  // by number, from 0 without gaps

    bool is_internal() const noexcept { return name == "__consumer_offsets" || name == "__transaction_state"; }
    const PartitionImage* partition(std::int32_t number) const noexcept {
        return number >= 0 && static_cast<std::size_t>(number) < partitions.size()
                   ? &partitions[static_cast<std::size_t>(number)]
                   : nullptr;
    }
    friend bool operator==(const TopicImage&, const TopicImage&) = default;
};

struct EndpointImage {
    std::string name;  // of the listener
    std::string host;
    std::uint16_t port = 0;
    std::int16_t security_protocol = 0;
    friend bool operator==(const EndpointImage&, const EndpointImage&) = default;
};

struct FeatureRange {
    std::int16_t min = 0;
    std::int16_t max = 0;
    friend bool operator==(const FeatureRange&, const FeatureRange&) = default;
};

struct BrokerImage {
    std::int32_t id = -1;
    std::int64_t epoch = -1;
    Uuid incarnation_id;
    std::vector<EndpointImage> endpoints;
    std::map<std::string, FeatureRange, std::less<>> features;
    std::optional<std::string> rack;
    std::vector<Uuid> log_dirs;
    std::vector<Uuid> cordoned_log_dirs;  // those that get no new partitions (KIP-1066)
    bool fenced = true;
    bool in_controlled_shutdown = false;

    const EndpointImage* endpoint(std::string_view listener_name) const noexcept;
    friend bool operator==(const BrokerImage&, const BrokerImage&) = default;
};

// Kafka's numbers on the wire and in ConfigRecord.
enum class ConfigResourceType : std::int8_t {
    topic = 2,
    broker = 4,
    broker_logger = 8,
    client_metrics = 16,
    group = 32
};

struct ConfigResource {
    ConfigResourceType type{};
    std::string name;  // a broker's is its id; "" is the default of all brokers
    friend auto operator<=>(const ConfigResource&, const ConfigResource&) = default;
};

using ConfigValues = std::map<std::string, std::string, std::less<>>;

struct CarriedRecords;

class MetadataImage {
public:
    using TopicPtr = std::shared_ptr<const TopicImage>;
    using Topics = std::map<std::string, TopicPtr, std::less<>>;
    using TopicIds = std::map<Uuid, TopicPtr>;
    using Brokers = std::map<std::int32_t, BrokerImage>;
    using Configs = std::map<ConfigResource, std::shared_ptr<const ConfigValues>>;
    using Features = std::map<std::string, std::int16_t, std::less<>>;

    // Nothing at all: the image before the first record.
    static std::shared_ptr<const MetadataImage> empty();

    // The last record applied; -1 before the first.
    std::int64_t offset() const noexcept { return offset_; }

    const Topics& topics() const noexcept { return *topics_; }  // by name, in order
    TopicPtr topic(std::string_view name) const;                // null when there is none
    TopicPtr topic(const Uuid& id) const;
    std::size_t partition_count() const noexcept { return partition_count_; }

    const Brokers& brokers() const noexcept { return *brokers_; }
    const BrokerImage* broker(std::int32_t id) const noexcept;
    bool is_alive(std::int32_t broker) const noexcept;  // registered and not fenced

    // What was set for exactly this resource; empty when nothing was.
    const ConfigValues& configs(ConfigResourceType type, std::string_view name) const;
    const Configs& all_configs() const noexcept { return *configs_; }

    const Features& features() const noexcept { return *features_; }  // finalized levels
    std::int64_t next_producer_id() const noexcept { return next_producer_id_; }
    const CarriedRecords& carried() const noexcept { return *carried_; }

private:
    friend class ImageBuilder;
    MetadataImage();

    std::int64_t offset_ = -1;
    std::int64_t next_producer_id_ = 0;
    std::size_t partition_count_ = 0;
    std::shared_ptr<const Topics> topics_;
    std::shared_ptr<const TopicIds> topic_ids_;
    std::shared_ptr<const Brokers> brokers_;
    std::shared_ptr<const Configs> configs_;
    std::shared_ptr<const Features> features_;
    std::shared_ptr<const CarriedRecords> carried_;
};
using ImagePtr = std::shared_ptr<const MetadataImage>;

}  // namespace ottla::broker
