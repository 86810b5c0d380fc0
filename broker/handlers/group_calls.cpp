// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/group_calls.hpp"

#include <set>

#include <boost/asio/post.hpp>

#include "broker/groups/group_id.hpp"
#include "broker/server/config.hpp"

namespace ottla::broker {
namespace {

// "127.0.0.1:43210" → "/127.0.0.1"
std::string client_host(std::string_view peer) {
    const auto colon = peer.rfind(':');
    return "/" + std::string(peer.substr(0, colon));
}

}  // namespace

GroupCalls::GroupCalls(const RequestContext& context)
    : context_(context),
      caller_(std::make_shared<groups::Caller>(
          groups::Caller{std::string(context.client_id), client_host(context.peer), context.version})) {}

std::vector<std::string> each_once(const std::vector<std::string>& group_ids) {
    const std::set<std::string> once(group_ids.begin(), group_ids.end());
    return {once.begin(), once.end()};
}

void GroupCalls::start(const std::string& group_id, groups::GroupRequest request) {
    const auto topic = context_.image->topic(groups::offsets_topic_name);
    const auto partitions = topic ? static_cast<std::int32_t>(topic->partitions.size()) : 0;
    start_at(partitions == 0 ? -1 : groups::partition_of(group_id, partitions), std::move(request));
}

void GroupCalls::start_at(std::int32_t partition, groups::GroupRequest request) {
    wanted_.push_back({partition, std::move(request), nullptr});
    begin_more();
}

void GroupCalls::begin_more() {
    for (; begun_ < wanted_.size() && begun_ - taken_ < under_way_max; ++begun_) begin(wanted_[begun_]);
}

void GroupCalls::begin(Wanted& wanted) {
    wanted.call = std::make_shared<Call>(context_.shard.executor());
    const auto& [partition, request, call] = wanted;
    const auto topic = context_.image->topic(groups::offsets_topic_name);
    if (!topic || !topic->partition(partition)) {
        call->answer = Error::of(ErrorCode::not_coordinator);
        return;
    }
    const PartitionKey key{topic->id, partition};
    Shard& owner = context_.node.owner_of(key);
    if (&owner == &context_.shard) {
        owner.groups()->call(key, *caller_, request, [call = call](GroupHost::Answer answer) {
            call->answer.emplace(std::move(answer));
            call->answered.notify();
        });
        return;
    }
    auto done = [call = call, home = context_.shard.executor()](GroupHost::Answer answer) {
        boost::asio::post(home, [call, answer = std::move(answer)]() mutable {
            call->answer.emplace(std::move(answer));
            call->answered.notify();
        });
    };
    boost::asio::post(owner.executor(), [&owner, key, caller = caller_, request = std::move(wanted.request),
                                         done = std::move(done)]() mutable {
        owner.groups()->call(key, *caller, request, std::move(done));
    });
}

bool offers_consumer_protocol(const RequestContext& context) {
    const auto& features = context.image->features();
    const auto level = features.find("group.version");
    return context.node.config->groups.consumer.is_enabled && level != features.end() && level->second >= 1;
}

awaitable<GroupHost::Answer> GroupCalls::answer(std::size_t place) {
    const auto call = wanted_.at(place).call;
    while (!call->answer) co_await call->answered.wait();
    ++taken_;
    begin_more();
    co_return std::move(*call->answer);
}

}  // namespace ottla::broker
