// SPDX-License-Identifier: Apache-2.0
#include "broker/server/shard.hpp"

#include <algorithm>

#include "broker/partitions/partition.hpp"

namespace ottla::broker {

std::vector<std::shared_ptr<Partition>> Shard::partitions() const {
    std::vector<std::shared_ptr<Partition>> all;
    all.reserve(partitions_.size());
    for (const auto& [key, partition] : partitions_) all.push_back(partition);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->key() < b->key(); });
    return all;
}

}  // namespace ottla::broker
