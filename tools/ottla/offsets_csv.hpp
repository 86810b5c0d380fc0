// SPDX-License-Identifier: Apache-2.0
// Offsets of a group as kafka-consumer-groups.sh exports and reads them: "topic,partition,offset", a line each. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ottla/result.hpp>
#include <ottla/topic_partition.hpp>

namespace ottla::tools {

// Also lines with the group before the topic, as the export of several groups has them; those must be of `group`.
// Names may stand in double quotes. Errors: invalid_argument, with the line's number; also for no lines at all, and
// for a partition that is named twice.
Result<std::vector<TopicPartition>> read_offsets_csv(std::string_view text, std::string_view group);

// With the group before each topic, or without where that is empty.
std::string offsets_csv(std::string_view group, const std::vector<TopicPartition>&);

}  // namespace ottla::tools
