// SPDX-License-Identifier: Apache-2.0
// Asking the leaders for offsets: the beginning, the end, the first record from a time on. Follows leaders that move
// until the deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/cluster/cluster.hpp"
#include "client/config/client_config.hpp"

namespace ottla::client {

struct OffsetQuestion {
    static constexpr std::int64_t latest = -1;
    static constexpr std::int64_t earliest = -2;
    static constexpr std::int64_t max_timestamp = -3;

    OffsetQuestion(std::string topic_name, std::int32_t number, std::int64_t at)
        : topic(std::move(topic_name)),
          partition(number),
          timestamp(at) {}

    std::string topic;
    std::int32_t partition;
    // Milliseconds since 1970, or latest, earliest, max_timestamp.
    std::int64_t timestamp;

    // The answer. An offset of -1: no record is that late.
    std::int64_t offset = -1;
    std::int64_t found_timestamp = -1;
    std::int32_t leader_epoch = -1;
    Error error;
};

// The same questions in the same order, each with its answer or its error; `on_answer` is told of each when it comes,
// for a partition without a leader takes until the deadline. Fails only when the client is closed.
awaitable<Result<std::vector<OffsetQuestion>>> list_offsets(
    std::shared_ptr<Cluster> cluster, std::vector<OffsetQuestion> questions, IsolationLevel isolation,
    TimePoint deadline, std::function<void(const OffsetQuestion&)> on_answer = nullptr);

}  // namespace ottla::client
