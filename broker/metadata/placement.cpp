// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/placement.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ottla::broker {
namespace {

// Brokers that are up, one rack after the other in turn.
std::vector<std::int32_t> interleaved_by_rack(const MetadataImage& image) {
    std::map<std::string, std::vector<std::int32_t>> racks;
    for (const auto& [id, broker] : image.brokers()) {
        if (!broker.fenced && !broker.in_controlled_shutdown) racks[broker.rack.value_or("")].push_back(id);
    }
    std::vector<std::int32_t> order;
    for (std::size_t turn = 0;; ++turn) {
        const auto before = order.size();
        for (const auto& [rack, ids] : racks) {
            if (turn < ids.size()) order.push_back(ids[turn]);
        }
        if (order.size() == before) return order;
    }
}

}  // namespace

Result<std::vector<Assignment>> place_replicas(const MetadataImage& image, std::int32_t partitions,
                                               std::int16_t replication_factor, base::Random& random) {
    const auto order = interleaved_by_rack(image);
    const auto copies = static_cast<std::size_t>(replication_factor);
    if (order.empty() || copies > order.size()) {
        return Error::of(ErrorCode::invalid_replication_factor,
                         fmt::format("Unable to replicate the partition {} time(s): only {} broker(s) are up",
                                     replication_factor, order.size()));
    }
    const std::size_t start = random.below(order.size());
    std::vector<Assignment> all(static_cast<std::size_t>(partitions));
    for (std::size_t p = 0; p < all.size(); ++p) {
        for (std::size_t r = 0; r < copies; ++r) all[p].push_back(order[(start + p + r) % order.size()]);
    }
    return all;
}

PartitionImage new_partition(const MetadataImage& image, const Assignment& replicas) {
    PartitionImage partition;
    partition.replicas = replicas;
    for (const auto id : replicas) {
        const auto* broker = image.broker(id);
        if (broker && !broker->fenced) partition.isr.push_back(id);
        // With several, the broker chooses, and tells.
        partition.directories.push_back(broker && broker->log_dirs.size() == 1 ? broker->log_dirs.front() : Uuid{});
    }
    partition.leader = partition.isr.empty() ? -1 : partition.isr.front();
    return partition;
}

}  // namespace ottla::broker
