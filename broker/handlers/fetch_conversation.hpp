// SPDX-License-Identifier: Apache-2.0
// FetchConversation: one fetch within its session, on the way to the shard that keeps the session and back. A session
// is kept where it was asked for; a reader that comes back over another connection finds it by its id.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "broker/handlers/fetch_session_cache.hpp"
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// Spreads `slots` over the shards of a node that serves nobody yet.
void set_up_fetch_sessions(Node& node, std::size_t slots, base::Random& random);

class FetchConversation {
public:
    FetchConversation(RequestContext& context, protocol::FetchRequest& request);

    // What is to be read. Errors: those of FetchSessionCache::resume.
    awaitable<Result<std::vector<FetchItem>>> begin();
    // What was found of them: of each, whether it has to be told. invalid_fetch_session_epoch when the session went on
    // with another request in the meantime.
    awaitable<Result<std::vector<bool>>> end(const std::vector<FetchItem>& items, const std::vector<FetchNews>& news);
    // For the answer; after end().
    std::int32_t session_id() const noexcept { return session_id_; }

private:
    Shard& keeper_of(std::int32_t id) const noexcept;
    Shard* keeper_of_new() const noexcept;
    awaitable<void> create(const std::vector<FetchItem>& items, const std::vector<FetchNews>& news);

    RequestContext& context_;
    protocol::FetchRequest& request_;
    bool by_topic_id_;
    std::int32_t session_id_ = 0;
    std::shared_ptr<FetchSession> session_;
};

}  // namespace ottla::broker
