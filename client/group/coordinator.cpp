// SPDX-License-Identifier: Apache-2.0
#include "client/group/coordinator.hpp"

#include <fmt/format.h>

#include <ottla/protocol/messages/find_coordinator_request.hpp>
#include <ottla/protocol/messages/find_coordinator_response.hpp>

namespace ottla::client {
namespace {

using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;
constexpr protocol::VersionRange find_coordinator_versions{0, 6};
static_assert(FindCoordinatorRequest::versions.contains(find_coordinator_versions));
// From here on several may be asked for at once (KIP-699).
constexpr std::int16_t first_with_keys = 4;

FindCoordinatorRequest request_for(const std::string& group, std::int16_t version) {
    FindCoordinatorRequest request;
    if (version >= first_with_keys)
        request.coordinator_keys.push_back(group);
    else
        request.key = group;
    return request;
}

// In the shape of the later versions.
FindCoordinatorResponse::Coordinator coordinator_in(const FindCoordinatorResponse& answer, std::int16_t version) {
    if (version >= first_with_keys) {
        if (!answer.coordinators.empty()) return answer.coordinators.front();
        FindCoordinatorResponse::Coordinator none;
        none.error_code = static_cast<std::int16_t>(ErrorCode::coordinator_not_available);
        return none;
    }
    FindCoordinatorResponse::Coordinator c;
    c.node_id = answer.node_id;
    c.host = answer.host;
    c.port = answer.port;
    c.error_code = answer.error_code;
    return c;
}

}  // namespace

awaitable<Result<void>> Coordinator::find(std::shared_ptr<Coordinator> self, TimePoint deadline) {
    auto& cluster = *self->cluster_;
    auto channel = co_await cluster.connect_any(deadline);
    if (!channel) co_return channel.error();
    const auto version = (*channel)->pick(protocol::ApiKey::find_coordinator, find_coordinator_versions);
    if (!version) co_return version.error();
    auto request = request_for(self->group_, *version);
    const auto answer = co_await (*channel)->call(std::move(request), *version, deadline);
    if (!answer) co_return answer.error();
    const auto found = coordinator_in(*answer, *version);
    const auto code = static_cast<ErrorCode>(found.error_code);
    if (code != ErrorCode::none)
        co_return Error::of(code).with_context(fmt::format("the coordinator of group '{}'", self->group_));
    if (found.node_id < 0 || found.port <= 0 || found.port > 65535 || found.host.empty())
        co_return Error::of(ErrorCode::coordinator_not_available);
    BrokerInfo info{net::Endpoint(found.host, static_cast<std::uint16_t>(found.port)), std::nullopt};
    const BrokerInfo* known = cluster.metadata().broker(found.node_id);
    if (!known || known->endpoint != info.endpoint) cluster.add_broker(found.node_id, std::move(info));
    self->broker_ = found.node_id;
    co_return ok();
}

awaitable<Result<Channel>> Coordinator::connect(std::shared_ptr<Coordinator> self, Line line, TimePoint deadline) {
    if (!self->is_known()) {
        auto found = co_await find(self, deadline);
        if (!found) co_return found.error();
    }
    co_return co_await self->cluster_->connect(self->broker_, deadline, line);
}

bool is_elsewhere(const Error& error) noexcept {
    switch (error.code()) {
        case ErrorCode::coordinator_load_in_progress:
        case ErrorCode::rebalance_in_progress:
        case ErrorCode::unknown_topic_id:
        case ErrorCode::unstable_offset_commit: return false;
        default: return error.is_retriable();
    }
}

}  // namespace ottla::client
