// SPDX-License-Identifier: Apache-2.0
// Groups listed: each broker knows those that it minds, so all are asked.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <boost/algorithm/string/case_conv.hpp>
#include <ottla/protocol/messages/list_groups_request.hpp>
#include <ottla/protocol/messages/list_groups_response.hpp>

#include "client/admin/admin_core.hpp"
#include "client/cluster/metadata_call.hpp"
#include "client/runtime/side_by_side.hpp"

namespace ottla::client {
namespace {

using protocol::ListGroupsRequest;
using protocol::ListGroupsResponse;
constexpr protocol::VersionRange list_groups_versions{0, 5};
static_assert(ListGroupsRequest::versions.contains(list_groups_versions));
constexpr std::int16_t first_with_states = 4;
constexpr std::int16_t first_with_types = 5;

// What the brokers said so far. A group that moved meanwhile may be named twice.
struct FoundGroups {
    std::map<std::string, GroupListing> groups;
    std::map<BrokerId, Error> errors;

    void add(const ListGroupsResponse& answer) {
        for (const auto& one : answer.groups) {
            auto& listing = groups[one.group_id];
            listing.group_id = one.group_id;
            listing.protocol_type = one.protocol_type;
            const auto state = parse_group_state(one.group_state);
            listing.state = state ? *state : GroupState::unknown;
            const auto type = parse_group_type(one.group_type);
            listing.type = type ? *type : GroupType::unknown;
        }
    }
};

// A filter that the broker does not know would be passed over in silence.
protocol::VersionRange versions_for(const GroupFilter& filter) {
    auto versions = list_groups_versions;
    if (!filter.states.empty()) versions.min = first_with_states;
    if (!filter.types.empty()) versions.min = first_with_types;
    return versions;
}

// While it loads its groups, and when the connection is lost, a broker is asked again; one that can't be reached is
// not.
awaitable<void> list_at(AdminPtr admin, std::shared_ptr<FoundGroups> found, BrokerId broker, GroupFilter filter,
                        TimePoint deadline) {
    auto& cluster = *admin->cluster();
    auto& runtime = admin->runtime();
    Backoff backoff(cluster.config().retry_backoff, cluster.config().retry_backoff_max);
    for (;;) {
        auto channel = co_await cluster.connect(broker, deadline);
        if (!channel) {
            found->errors[broker] = channel.error();
            co_return;
        }
        ListGroupsRequest request;
        for (const auto state : filter.states) request.states_filter.emplace_back(to_string(state));
        for (const auto type : filter.types)
            request.types_filter.push_back(boost::algorithm::to_lower_copy(std::string(to_string(type))));
        const auto until = std::min(deadline, runtime.deadline(cluster.config().socket_timeout));
        const auto answer = co_await cluster.call(std::move(*channel), std::move(request), versions_for(filter), until);
        Error error = answer ? Error::of(static_cast<ErrorCode>(answer->error_code)) : answer.error();
        if (answer && error.code() == ErrorCode::none) {
            found->add(*answer);
            co_return;
        }
        if (!error.is_retriable() || runtime.now() >= deadline || cluster.is_closed()) {
            found->errors[broker] = std::move(error);
            co_return;
        }
        co_await runtime.timers().wait_until(std::min(deadline, runtime.now() + backoff.next(runtime.random())));
    }
}

}  // namespace

awaitable<Result<GroupList>> list_groups(AdminPtr admin, GroupFilter filter, AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("list_groups");
    const auto deadline = admin->runtime().deadline(options.timeout);
    std::optional<std::vector<std::string>> none(std::in_place);
    const auto cluster = co_await ask_metadata(admin->cluster(), std::move(none), deadline);
    if (!cluster) co_return cluster.error().with_context("list_groups");
    const auto found = std::make_shared<FoundGroups>();
    {
        SideBySide all(admin->runtime());
        for (const auto& broker : cluster->brokers) all.start(list_at(admin, found, broker.node_id, filter, deadline));
        co_await all.wait();
    }
    if (admin->is_closed()) co_return admin->closed_error("list_groups");
    GroupList list;
    for (auto& [id, group] : found->groups) list.groups.push_back(std::move(group));
    for (const auto& [id, error] : found->errors)
        list.errors.push_back(error.with_context(fmt::format("the groups of broker {}", id)));
    if (!cluster->brokers.empty() && list.errors.size() == cluster->brokers.size())
        co_return list.errors.front().with_context("list_groups");
    co_return list;
}

}  // namespace ottla::client
