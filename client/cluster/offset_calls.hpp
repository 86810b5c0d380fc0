// SPDX-License-Identifier: Apache-2.0
// Offsets as users of consumers and producers ask for them. The errors are those of list_offsets().
#pragma once

#include <memory>
#include <vector>

#include <ottla/offset.hpp>
#include <ottla/topic_partition.hpp>

#include "client/cluster/cluster.hpp"
#include "client/config/client_config.hpp"

namespace ottla::client {

// The times stand where the offsets will be; errors are per partition.
awaitable<Result<std::vector<TopicPartition>>> offsets_for_times(std::shared_ptr<Cluster> cluster,
                                                                 std::vector<TopicPartition> times,
                                                                 IsolationLevel isolation, TimePoint deadline);
awaitable<Result<WatermarkOffsets>> watermark_offsets(std::shared_ptr<Cluster> cluster, TopicPartition of,
                                                      IsolationLevel isolation, TimePoint deadline);

}  // namespace ottla::client
