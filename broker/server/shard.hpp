// SPDX-License-Identifier: Apache-2.0
// Shard: the part of a broker that one thread runs. Connections stay on the shard that accepted them; a partition
// belongs to the shard that its hash names. Everything in here is touched on `executor` only; others post.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <ottla/protocol/compression.hpp>
#include "broker/handlers/fetch_session_cache.hpp"
#include "broker/metadata/image.hpp"
#include "broker/server/partition_key.hpp"
#include "broker/server/producer_ids.hpp"

namespace ottla::broker {

class GroupHosts;
class Partition;

struct BatchSpace {
    protocol::Decompressor decompressor;
    Buffer bytes;
    protocol::Compressor compressor;
    Buffer stored;
};

class Shard {
public:
    Shard(std::size_t index, boost::asio::any_io_executor executor) : index_(index), executor_(std::move(executor)) {}

    std::size_t index() const noexcept { return index_; }
    const boost::asio::any_io_executor& executor() const noexcept { return executor_; }

    // Never null once the broker serves.
    const std::shared_ptr<const MetadataImage>& image() const noexcept { return image_; }
    void set_image(std::shared_ptr<const MetadataImage> image) noexcept { image_ = std::move(image); }

    // A partition that this broker holds and this shard owns, as leader or not; null when there is none (the
    // answer is NOT_LEADER_OR_FOLLOWER when the image knows the partition, else UNKNOWN_TOPIC_OR_PARTITION or
    // UNKNOWN_TOPIC_ID).
    std::shared_ptr<Partition> find(const PartitionKey& key) const {
        const auto at = partitions_.find(key);
        return at == partitions_.end() ? nullptr : at->second;
    }
    void add(const PartitionKey& key, std::shared_ptr<Partition> partition) {
        partitions_.insert_or_assign(key, std::move(partition));
    }
    void remove(const PartitionKey& key) { partitions_.erase(key); }
    // This broker is to hold the partition, but its log cannot be used: the answer is KAFKA_STORAGE_ERROR.
    bool is_offline(const PartitionKey& key) const { return offline_.contains(key); }
    void set_offline(const PartitionKey& key, bool offline) {
        if (offline) {
            offline_.insert(key);
        } else {
            offline_.erase(key);
        }
    }
    std::size_t partition_count() const noexcept { return partitions_.size(); }
    // All of them, in the order of their keys: no order may come from the hash.
    std::vector<std::shared_ptr<Partition>> partitions() const;

    ProducerIds& producer_ids() noexcept { return producer_ids_; }
    FetchSessionCache& fetch_sessions() noexcept { return fetch_sessions_; }
    // The group coordinators; null in a handler's own tests.
    GroupHosts* groups() const noexcept { return groups_.get(); }
    void set_groups(std::shared_ptr<GroupHosts> groups) noexcept { groups_ = std::move(groups); }

    // Where compressed batches are opened to be checked, and made as they are stored; used again from request to
    // request.
    BatchSpace& batch_space() noexcept { return batch_space_; }

private:
    std::size_t index_;
    boost::asio::any_io_executor executor_;
    std::shared_ptr<const MetadataImage> image_;
    boost::unordered_flat_map<PartitionKey, std::shared_ptr<Partition>> partitions_;
    boost::unordered_flat_set<PartitionKey> offline_;  // never iterated
    ProducerIds producer_ids_;
    FetchSessionCache fetch_sessions_;
    BatchSpace batch_space_;
    std::shared_ptr<GroupHosts> groups_;
};

}  // namespace ottla::broker
