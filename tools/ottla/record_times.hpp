// SPDX-License-Identifier: Apache-2.0
// When records were written: the timestamp of the record at an offset, which only reading it tells.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ottla/topic_partition.hpp>

#include "tools/ottla/connection.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

// Milliseconds since 1970 by topic and partition: of the first record at or behind each place. What has no such record,
// has no time, may not be read or was not read in time is left out.
std::map<std::pair<std::string, std::int32_t>, std::int64_t> record_times(const Session&, const Connection&,
                                                                          const std::vector<TopicPartition>& places,
                                                                          std::chrono::nanoseconds within);

}  // namespace ottla::tools
