// SPDX-License-Identifier: Apache-2.0
// TopicPartition: a partition, with whatever a call says or asks about it: an offset, an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <ottla/error.hpp>
#include <ottla/offset.hpp>

namespace ottla::inline v0 {

// Let the partitioner choose.
inline constexpr std::int32_t any_partition = -1;

struct TopicPartition {
    TopicPartition() = default;
    TopicPartition(std::string topic_name, std::int32_t number, Offset at = {})
        : topic(std::move(topic_name)),
          partition(number),
          offset(at) {}

    std::string topic;
    std::int32_t partition = any_partition;
    Offset offset;
    // The epoch of the leader that wrote what stands before `offset`, where known (KIP-320).
    std::optional<std::int32_t> leader_epoch;
    // What is, or was, committed beside the offset; at most the broker's offset.metadata.max.bytes.
    std::string metadata;
    // What went wrong with this partition in a call about several.
    Error error;

    friend bool operator==(const TopicPartition&, const TopicPartition&) = default;
};

// "orders[3]@42", with ": error" behind it when there is one.
std::string to_string(const TopicPartition&);

}  // namespace ottla::inline v0
