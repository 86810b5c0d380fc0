// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/fetch_conversation.hpp"

#include <algorithm>

#include "broker/server/scatter.hpp"
#include "net/timers.hpp"

namespace ottla::broker {
namespace {

constexpr std::int32_t epoch_of_new = 0;
constexpr std::int32_t epoch_of_none = -1;

bool is_full(const protocol::FetchRequest& request) noexcept {
    return request.session_epoch == epoch_of_new || request.session_epoch == epoch_of_none;
}

// Followers say who they are; since version 15 in a field of its own.
bool is_from_follower(const protocol::FetchRequest& request) noexcept {
    return std::max(request.replica_id, request.replica_state.replica_id) >= 0;
}

}  // namespace

void set_up_fetch_sessions(Node& node, std::size_t slots, base::Random& random) {
    const std::size_t shards = node.shards.size();
    for (std::size_t i = 0; i < shards; ++i) {
        const std::size_t share = slots / shards + (i < slots % shards ? 1 : 0);
        node.shards[i]->fetch_sessions() = FetchSessionCache(share, i, shards, random.split());
    }
}

FetchConversation::FetchConversation(RequestContext& context, protocol::FetchRequest& request)
    : context_(context),
      request_(request),
      by_topic_id_(context.version >= fetch_by_topic_id_from) {}

Shard& FetchConversation::keeper_of(std::int32_t id) const noexcept {
    return *context_.node.shards[static_cast<std::uint32_t>(id) % context_.node.shards.size()];
}

// Here, but with fewer slots than shards, where one of them is.
Shard* FetchConversation::keeper_of_new() const noexcept {
    const auto& shards = context_.node.shards;
    const auto with_slots = static_cast<std::size_t>(
        std::ranges::count_if(shards, [](const auto& shard) { return shard->fetch_sessions().slots() != 0; }));
    return with_slots == 0 ? nullptr : shards[context_.shard.index() % with_slots].get();
}

awaitable<Result<std::vector<FetchItem>>> FetchConversation::begin() {
    const base::TimePoint now = context_.node.timers->now();
    std::vector<FetchItem> items = take_items(request_, by_topic_id_);
    if (is_full(request_)) {
        // Whatever session it names is over.
        if (request_.session_id != 0) {
            Shard& keeper = keeper_of(request_.session_id);
            auto close = [&] { keeper.fetch_sessions().close(request_.session_id); };
            co_await run_at(keeper, context_.shard, close);
        }
        co_return items;
    }
    Shard& keeper = keeper_of(request_.session_id);
    Result<void> resumed = ok();
    auto resume = [&] {
        auto session = keeper.fetch_sessions().resume(request_.session_id, request_.session_epoch, by_topic_id_,
                                                      std::move(items), request_.forgotten_topics_data, now);
        items.clear();
        if (!session) {
            resumed = session.error();
        } else if (*session) {
            session_ = std::move(*session);
            items = session_->items();
        }
    };
    co_await run_at(keeper, context_.shard, resume);
    if (!resumed) co_return resumed.error();
    if (session_) session_id_ = session_->id();
    co_return items;
}

awaitable<Result<std::vector<bool>>> FetchConversation::end(const std::vector<FetchItem>& items,
                                                            const std::vector<FetchNews>& news) {
    if (!session_) {
        if (request_.session_epoch == epoch_of_new) co_await create(items, news);
        co_return std::vector<bool>(items.size(), true);
    }
    Result<std::vector<bool>> told = Error::of(ErrorCode::invalid_fetch_session_epoch);
    auto tell = [&] {
        if (session_->epoch() == FetchSession::epoch_after(request_.session_epoch)) told = session_->tell(news);
    };
    co_await run_at(keeper_of(session_id_), context_.shard, tell);
    co_return told;
}

awaitable<void> FetchConversation::create(const std::vector<FetchItem>& items, const std::vector<FetchNews>& news) {
    Shard* const keeper = keeper_of_new();
    if (!keeper) co_return;
    const base::TimePoint now = context_.node.timers->now();
    auto make = [&] {
        const auto made = keeper->fetch_sessions().create(is_from_follower(request_), by_topic_id_, items, news, now);
        if (made) session_id_ = made->id();
    };
    co_await run_at(*keeper, context_.shard, make);
}

}  // namespace ottla::broker
