// SPDX-License-Identifier: Apache-2.0
// Asking one broker about itself.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/admin/admin_core.hpp"
#include "client/cluster/metadata_call.hpp"

namespace ottla::client {

// `ask` to any broker (no_broker); else one attempt at the broker itself.
template <class Request>
awaitable<Result<typename Request::Response>> ask_broker(AdminPtr admin, BrokerId broker, Request request,
                                                         protocol::VersionRange ours, TimePoint deadline) {
    auto never = [](const typename Request::Response&) { return false; };
    if (broker == no_broker) co_return co_await ask(admin, Target::any, std::move(request), ours, deadline, never);
    auto& cluster = *admin->cluster();
    if (!cluster.metadata().broker(broker)) {
        std::optional<std::vector<std::string>> none(std::in_place);
        auto answer = co_await ask_metadata(admin->cluster(), std::move(none), deadline);
        if (!answer) co_return answer.error();
    }
    auto channel = co_await cluster.connect(broker, deadline);
    if (!channel) co_return channel.error();
    co_return co_await cluster.call(std::move(*channel), std::move(request), ours, deadline);
}

}  // namespace ottla::client
