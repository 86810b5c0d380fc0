// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/fetch_session_cache.hpp"

#include <limits>
#include <utility>

#include <fmt/format.h>

namespace ottla::broker {

FetchSessionCache::FetchSessionCache(std::size_t slots, std::size_t shard, std::size_t shards, base::Random random)
    : slots_(slots),
      shard_(shard),
      shards_(shards),
      random_(random) {}

std::int32_t FetchSessionCache::new_id() {
    // 0 stands for no session.
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
    const std::uint64_t rounds = (largest - shard_) / shards_ + 1;
    for (;;) {
        const auto id = static_cast<std::int32_t>(random_.below(rounds) * shards_ + shard_);
        if (id != 0 && !entries_.contains(id)) return id;
    }
}

std::shared_ptr<FetchSession> FetchSessionCache::create(bool privileged, bool by_topic_id,
                                                        std::span<const FetchItem> items,
                                                        std::span<const FetchNews> news, base::TimePoint now) {
    if (items.empty() || slots_ == 0) return nullptr;
    // Id 0 is below all others: a session of the same size does not have to go.
    if (entries_.size() >= slots_ && !make_room({privileged, items.size(), 0}, now)) return nullptr;
    Entry entry;
    entry.session = std::make_shared<FetchSession>(new_id(), by_topic_id, items, news);
    entry.privileged = privileged;
    entry.created = now;
    const auto at = entries_.emplace(entry.session->id(), std::move(entry)).first;
    index(at->second, now);
    return at->second.session;
}

Result<std::shared_ptr<FetchSession>> FetchSessionCache::resume(
    std::int32_t id, std::int32_t epoch, bool by_topic_id, std::vector<FetchItem> changed,
    std::span<const protocol::FetchRequest::ForgottenTopic> forgotten, base::TimePoint now) {
    const auto at = entries_.find(id);
    if (at == entries_.end()) {
        return Error::of(ErrorCode::fetch_session_id_not_found, fmt::format("there is no fetch session {}", id));
    }
    auto session = at->second.session;
    if (session->epoch() != epoch) {
        return Error::of(ErrorCode::invalid_fetch_session_epoch,
                         fmt::format("fetch session {} is at epoch {}, not {}", id, session->epoch(), epoch));
    }
    if (session->by_topic_id() != by_topic_id) {
        return Error::of(ErrorCode::fetch_session_topic_id_error,
                         fmt::format("fetch session {} names topics by {}", id, by_topic_id ? "name" : "id"));
    }
    session->update(std::move(changed), forgotten);
    if (session->size() == 0) {
        close(id);
        return std::shared_ptr<FetchSession>();
    }
    session->advance_epoch();
    drop_index(at->second);
    index(at->second, now);
    return session;
}

void FetchSessionCache::close(std::int32_t id) {
    const auto at = entries_.find(id);
    if (at == entries_.end()) return;
    drop_index(at->second);
    entries_.erase(at);
}

void FetchSessionCache::evict(std::int32_t id) {
    close(id);
    ++evictions_;
}

bool FetchSessionCache::make_room(const Rank& newcomer, base::TimePoint now) {
    const auto [idle_since, idle] = *by_last_use_.begin();
    if (now - idle_since > evict_after) {
        evict(idle);
        return true;
    }
    const auto& open = std::get<0>(newcomer) ? open_to_privileged_ : open_to_all_;
    if (open.empty() || newcomer < *open.begin()) return false;
    evict(std::get<2>(*open.begin()));
    return true;
}

void FetchSessionCache::index(Entry& entry, base::TimePoint now) {
    entry.last_used = now;
    entry.size = entry.session->size();
    partitions_ += entry.size;
    by_last_use_.emplace(now, entry.session->id());
    const bool is_old = now - entry.created > evict_after;
    if (is_old) open_to_all_.insert(entry.rank());
    if (is_old || !entry.privileged) open_to_privileged_.insert(entry.rank());
}

void FetchSessionCache::drop_index(const Entry& entry) {
    partitions_ -= entry.size;
    by_last_use_.erase({entry.last_used, entry.session->id()});
    open_to_all_.erase(entry.rank());
    open_to_privileged_.erase(entry.rank());
}

}  // namespace ottla::broker
