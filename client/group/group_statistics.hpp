// SPDX-License-Identifier: Apache-2.0
// GroupStatistics: what a member tells of its group in the statistics, by librdkafka's names ("cgrp"). Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.hpp"

namespace ottla::client {

struct GroupStatistics {
    // init: not in a group; query-coord: the coordinator is being looked for; up: it is known.
    std::string_view state = "init";
    base::Duration state_age{};
    std::string_view join_state = "init";
    // Since partitions were last assigned, given back or lost; -1 ms: not yet.
    base::Duration rebalance_age = std::chrono::milliseconds(-1);
    std::int64_t rebalance_count = 0;
    std::string_view rebalance_reason;
    std::int64_t assignment_size = 0;
};

}  // namespace ottla::client
