// SPDX-License-Identifier: Apache-2.0
#include "client/producer/producer_id_call.hpp"

#include <fmt/format.h>

#include <ottla/protocol/messages/init_producer_id_request.hpp>
#include <ottla/protocol/messages/init_producer_id_response.hpp>

namespace ottla::client {

namespace {

constexpr protocol::VersionRange init_producer_id_versions{0, 5};
static_assert(protocol::InitProducerIdRequest::versions.contains(init_producer_id_versions));

}  // namespace

awaitable<Result<ProducerId>> ask_producer_id(std::shared_ptr<Cluster> cluster, TimePoint deadline) {
    auto channel = co_await cluster->connect_any(deadline);
    if (!channel) co_return channel.error();
    protocol::InitProducerIdRequest request;
    request.transactional_id.reset();
    request.transaction_timeout_ms = std::numeric_limits<std::int32_t>::max();  // of no interest without transactions
    const auto answer = co_await cluster->call(*channel, std::move(request), init_producer_id_versions, deadline);
    const std::string asked = fmt::format("a producer id from {}", to_string((*channel)->endpoint()));
    if (!answer) co_return answer.error().with_context(asked);
    if (answer->error_code != 0) co_return Error::of(static_cast<ErrorCode>(answer->error_code)).with_context(asked);
    if (answer->producer_id < 0 || answer->producer_epoch < 0)
        co_return Error::of(ErrorCode::bad_message, "a negative producer id or epoch").with_context(asked);
    co_return ProducerId{answer->producer_id, answer->producer_epoch};
}

}  // namespace ottla::client
