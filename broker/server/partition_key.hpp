// SPDX-License-Identifier: Apache-2.0
// PartitionKey: a partition by its topic's id, which a topic of the same name made later does not share.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include <ottla/uuid.hpp>

namespace ottla::broker {

struct PartitionKey {
    Uuid topic_id;
    std::int32_t partition = 0;
    friend auto operator<=>(const PartitionKey&, const PartitionKey&) = default;
};

// The same on every run and machine: it decides which shard owns a partition.
std::size_t hash_value(const PartitionKey&) noexcept;

}  // namespace ottla::broker
