// SPDX-License-Identifier: Apache-2.0
// GroupCalls: from a connection to the coordinators of groups and back. Each call goes to the shard that owns the
// group's partition of __consumer_offsets; some may wait there for long, and none minds when the connection has closed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/groups/group_coordinator.hpp"
#include "broker/handlers/handler.hpp"
#include "broker/server/group_hosts.hpp"
#include "net/signal.hpp"

namespace ottla::broker {

class GroupCalls {
public:
    // So many are under way at once; the others wait until answers are taken.
    static constexpr std::size_t under_way_max = 100;

    explicit GroupCalls(const RequestContext& context);

    // One more call; its place is that of the call.
    void start(const std::string& group_id, groups::GroupRequest request);
    // The same to whoever keeps the groups of this partition of __consumer_offsets.
    void start_at(std::int32_t partition, groups::GroupRequest request);
    // Waits for the answer to the call at `place`, and gives it. Once for each, in their order.
    awaitable<GroupHost::Answer> answer(std::size_t place);

private:
    struct Call {
        explicit Call(boost::asio::any_io_executor executor) : answered(std::move(executor)) {}
        net::Signal answered;
        std::optional<GroupHost::Answer> answer;
    };
    struct Wanted {
        std::int32_t partition;
        groups::GroupRequest request;
        std::shared_ptr<Call> call;  // once it is under way
    };
    void begin(Wanted&);
    void begin_more();

    const RequestContext& context_;
    std::shared_ptr<const groups::Caller> caller_;
    std::vector<Wanted> wanted_;
    std::size_t begun_ = 0, taken_ = 0;
};

// A request's groups: each has one place in the answer, however often it is named.
std::vector<std::string> each_once(const std::vector<std::string>& group_ids);

// The consumer protocol is in group.coordinator.rebalance.protocols, and the cluster's group.version has it (KIP-848).
bool offers_consumer_protocol(const RequestContext&);

// One call; its answer is the request's own.
template <class Request>
awaitable<Result<typename Request::Response>> ask_group(RequestContext& context, Request& request) {
    GroupCalls calls(context);
    const std::string group_id = request.group_id;
    calls.start(group_id, std::move(request));
    auto answer = co_await calls.answer(0);
    if (!answer) co_return answer.error();
    co_return std::get<typename Request::Response>(std::move(*answer));
}

}  // namespace ottla::broker
