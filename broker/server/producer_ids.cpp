// SPDX-License-Identifier: Apache-2.0
#include "broker/server/producer_ids.hpp"

#include "broker/metadata/controller_client.hpp"

namespace ottla::broker {

boost::asio::awaitable<Result<std::int64_t>> ProducerIds::next(ControllerClient& controller, std::int32_t broker_id,
                                                               std::int64_t broker_epoch, base::TimePoint deadline) {
    // Others may take the block while this one waits for it: then ask again.
    while (blocks_.empty()) {
        protocol::AllocateProducerIdsRequest request;
        request.broker_id = broker_id;
        request.broker_epoch = broker_epoch;
        const auto reply = co_await controller.ask(std::move(request), deadline);
        if (!reply) co_return reply.error();
        if (reply->error_code != 0) co_return Error::of(static_cast<ErrorCode>(reply->error_code));
        blocks_.push_back({reply->producer_id_start, reply->producer_id_start + reply->producer_id_len});
    }
    auto& block = blocks_.front();
    const std::int64_t id = block.next++;
    if (block.next == block.end) blocks_.pop_front();
    co_return id;
}

}  // namespace ottla::broker
