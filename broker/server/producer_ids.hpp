// SPDX-License-Identifier: Apache-2.0
// ProducerIds: hands out producer ids from blocks that the controller gave. One per shard; on its executor only.
#pragma once

#include <cstdint>
#include <deque>

#include <boost/asio/awaitable.hpp>

#include <ottla/result.hpp>
#include "base/clock.hpp"

namespace ottla::broker {

class ControllerClient;

class ProducerIds {
public:
    // An id that nobody had before. Asks the controller for a block when none is left.
    boost::asio::awaitable<Result<std::int64_t>> next(ControllerClient& controller, std::int32_t broker_id,
                                                      std::int64_t broker_epoch, base::TimePoint deadline);

private:
    struct Block {
        std::int64_t next;
        std::int64_t end;
    };
    std::deque<Block> blocks_;
};

}  // namespace ottla::broker
