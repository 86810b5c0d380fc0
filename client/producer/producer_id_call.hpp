// SPDX-License-Identifier: Apache-2.0
// InitProducerId as an idempotent producer asks it: for an id that nobody has had.
#pragma once

#include <cstdint>
#include <memory>

#include "client/cluster/cluster.hpp"

namespace ottla::client {

struct ProducerId {
    std::int64_t id = -1;
    std::int16_t epoch = -1;
};

// Of any broker; one attempt. Errors: those of connect_any() and ClientChannel::call(), and the broker's.
awaitable<Result<ProducerId>> ask_producer_id(std::shared_ptr<Cluster> cluster, TimePoint deadline);

}  // namespace ottla::client
