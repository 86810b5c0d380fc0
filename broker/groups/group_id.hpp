// SPDX-License-Identifier: Apache-2.0
// Which partition of __consumer_offsets keeps a group: the one that Java's hash of its id names, so that a log written
// here is read by Apache Kafka and the other way round.
#pragma once

#include <cstdint>
#include <string_view>

namespace ottla::broker::groups {

inline constexpr std::string_view offsets_topic_name = "__consumer_offsets";

// String.hashCode over the UTF-16 units of `utf8`; bytes that are no UTF-8 count as U+FFFD.
std::int32_t java_hash(std::string_view utf8) noexcept;
// `partitions` is at least 1. The hash without its sign, as Kafka takes it.
std::int32_t partition_of(std::string_view group_id, std::int32_t partitions) noexcept;

}  // namespace ottla::broker::groups
