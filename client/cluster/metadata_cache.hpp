// SPDX-License-Identifier: Apache-2.0
// MetadataCache: what is known of the cluster. Pure: it takes answers and hints. A partition never goes back to an
// older leader epoch, and a topic never to fewer partitions, however old the broker's view that answered; one with a
// new id starts afresh.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <ottla/metadata.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>

#include "base/clock.hpp"
#include "net/endpoint.hpp"

namespace ottla::client {

using base::TimePoint;
using BrokerId = std::int32_t;
inline constexpr BrokerId no_broker = -1;

struct BrokerInfo {
    net::Endpoint endpoint;
    std::optional<std::string> rack;

    friend bool operator==(const BrokerInfo&, const BrokerInfo&) = default;
};

struct PartitionInfo {
    BrokerId leader = no_broker;
    std::int32_t leader_epoch = -1;
    // leader_not_available and the like; none when there is a leader.
    ErrorCode error = ErrorCode::none;
    std::vector<BrokerId> replicas;
    std::vector<BrokerId> in_sync_replicas;
    std::vector<BrokerId> offline_replicas;
};

struct TopicInfo {
    std::string name;
    Uuid id;
    bool is_internal = false;
    // Of the topic: unknown, not authorised, …; its partitions are then those known before, if any.
    ErrorCode error = ErrorCode::none;
    // Indexed by partition id. One that the broker left out has no leader.
    std::vector<PartitionInfo> partitions;
    TimePoint updated{};
    std::uint64_t version = 0;  // the cache's, when a broker said this
    // Since when every answer has said that it is not there; nothing where the last one did not.
    std::optional<TimePoint> absent_since;

    // Brokers hear of a topic one after the other: only one that is absent for `propagation_max` is gone, and only when
    // an answer of then says so.
    TimePoint gone_at(base::Duration propagation_max) const {
        return absent_since ? *absent_since + propagation_max : TimePoint::max();
    }
    bool is_gone(base::Duration propagation_max) const { return absent_since && updated >= gone_at(propagation_max); }
};

class MetadataCache {
public:
    // Takes an answer over. `all`: it names every topic there is, so that others are gone.
    void update(const protocol::MetadataResponse&, bool all, TimePoint now);
    // A leader named by an error answer (KIP-951). False when it is not newer than what is known.
    bool apply_leader_hint(std::string_view topic, std::int32_t partition, BrokerId leader, std::int32_t leader_epoch);
    void add_broker(BrokerId, BrokerInfo);
    // Where brokers are is not known any more; what is known of topics stays.
    void forget_brokers() noexcept {
        brokers_.clear();
        controller_ = no_broker;
    }
    void forget(std::string_view topic);

    // Null when nothing is known of it.
    const TopicInfo* topic(std::string_view name) const;
    const TopicInfo* topic(const Uuid& id) const;
    // Nothing where the topic is not there, or the broker is too old to tell.
    std::optional<Uuid> id_of(std::string_view topic) const;
    const PartitionInfo* partition(std::string_view topic, std::int32_t partition) const;
    const std::map<std::string, TopicInfo, std::less<>>& topics() const noexcept { return topics_; }
    const BrokerInfo* broker(BrokerId) const;
    const std::map<BrokerId, BrokerInfo>& brokers() const noexcept { return brokers_; }
    const std::string& cluster_id() const noexcept { return cluster_id_; }
    BrokerId controller() const noexcept { return controller_; }
    // Counts updates that changed something; 0: nothing is known yet.
    std::uint64_t version() const noexcept { return version_; }

private:
    void update_topic(const protocol::MetadataResponse::MetadataResponseTopic&, TimePoint now);
    void update_partitions(TopicInfo&, const protocol::MetadataResponse::MetadataResponseTopic&, bool keeps_others);

    std::map<std::string, TopicInfo, std::less<>> topics_;
    std::map<Uuid, std::string> names_;
    std::map<BrokerId, BrokerInfo> brokers_;
    std::string cluster_id_;
    BrokerId controller_ = no_broker;
    std::uint64_t version_ = 0;
};

// The answer as users see it.
Metadata to_public(const protocol::MetadataResponse&);
PartitionMetadata to_public(const PartitionInfo&, std::int32_t id);

}  // namespace ottla::client
