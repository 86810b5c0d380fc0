// SPDX-License-Identifier: Apache-2.0
#include "client/admin/group_coordinators.hpp"

#include <fmt/format.h>
#include <ottla/protocol/messages/find_coordinator_request.hpp>
#include <ottla/protocol/messages/find_coordinator_response.hpp>

namespace ottla::client {
namespace {

constexpr protocol::VersionRange lookup_versions{0, 6};
static_assert(protocol::FindCoordinatorRequest::versions.contains(lookup_versions));
// Before it, a request asks for one group.
constexpr std::int16_t first_with_many = 4;

Error of_lookup(Error error, const std::string& group) {
    return error.with_context(fmt::format("the coordinator of group '{}'", group));
}

}  // namespace

const Node* GroupCoordinators::of(const std::string& group) const {
    const auto at = known_.find(group);
    return at == known_.end() ? nullptr : &at->second;
}

Error GroupCoordinators::learn(const std::string& group, std::int16_t code, std::int32_t id, const std::string& host,
                               std::int32_t port) {
    if (code != 0) return of_lookup(Error::of(static_cast<ErrorCode>(code)), group);
    if (id < 0 || port <= 0 || port > 65535 || host.empty())
        return of_lookup(Error::of(ErrorCode::coordinator_not_available), group);
    const BrokerInfo* broker = cluster_->metadata().broker(id);
    BrokerInfo info{net::Endpoint(host, static_cast<std::uint16_t>(port)), std::nullopt};
    if (broker) info.rack = broker->rack;
    Node& node = known_[group];
    node.id = id;
    node.host = host;
    node.port = port;
    node.rack = info.rack;
    if (!broker || *broker != info) cluster_->add_broker(id, std::move(info));
    return {};
}

awaitable<Result<std::map<std::string, Error>>> GroupCoordinators::find(std::shared_ptr<GroupCoordinators> self,
                                                                        std::vector<std::string> groups,
                                                                        TimePoint deadline) {
    std::map<std::string, Error> missing;
    if (groups.empty()) co_return missing;
    auto channel = co_await self->cluster_->connect_any(deadline);
    if (!channel) co_return channel.error();
    const auto version = (*channel)->pick(protocol::ApiKey::find_coordinator, lookup_versions);
    if (!version) co_return version.error();
    const auto note = [&](const std::string& group, Error error) {
        if (error.code() != ErrorCode::none) missing.insert_or_assign(group, std::move(error));
    };
    if (*version >= first_with_many) {
        protocol::FindCoordinatorRequest request;
        request.coordinator_keys = groups;
        const auto answer = co_await (*channel)->call(std::move(request), *version, deadline);
        if (!answer) co_return answer.error();
        for (const auto& group : groups) note(group, of_lookup(Error::of(ErrorCode::coordinator_not_available), group));
        for (const auto& c : answer->coordinators) {
            missing.erase(c.key);
            note(c.key, self->learn(c.key, c.error_code, c.node_id, c.host, c.port));
        }
        co_return missing;
    }
    for (const auto& group : groups) {
        protocol::FindCoordinatorRequest request;
        request.key = group;
        const auto answer = co_await (*channel)->call(std::move(request), *version, deadline);
        if (!answer) co_return answer.error();
        note(group, self->learn(group, answer->error_code, answer->node_id, answer->host, answer->port));
    }
    co_return missing;
}

}  // namespace ottla::client
