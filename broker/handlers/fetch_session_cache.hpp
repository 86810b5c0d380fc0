// SPDX-License-Identifier: Apache-2.0
// FetchSessionCache: the fetch sessions of one shard, never more than its slots, and who must leave when another
// wants in (KIP-227). The id of a session tells its shard: id modulo shards. Decides purely; touched on its shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include <ottla/result.hpp>
#include "base/clock.hpp"
#include "base/random.hpp"
#include "broker/handlers/fetch_session.hpp"

namespace ottla::broker {

class FetchSessionCache {
public:
    // After so long without a request anybody may take the place of a session, and for so long a new one is safe
    // from its like.
    static constexpr base::Duration evict_after = std::chrono::minutes(2);

    FetchSessionCache() = default;  // has no slots
    FetchSessionCache(std::size_t slots, std::size_t shard, std::size_t shards, base::Random random);

    // A session for what was just answered in full; null when there is no slot for it. Followers' are privileged:
    // nobody but a larger session of a follower drives one out before its time.
    std::shared_ptr<FetchSession> create(bool privileged, bool by_topic_id, std::span<const FetchItem> items,
                                         std::span<const FetchNews> news, base::TimePoint now);
    // An incremental request of `epoch`. Null when it forgot the last partition: the session is closed. Errors:
    // fetch_session_id_not_found, invalid_fetch_session_epoch, fetch_session_topic_id_error.
    Result<std::shared_ptr<FetchSession>> resume(std::int32_t id, std::int32_t epoch, bool by_topic_id,
                                                 std::vector<FetchItem> changed,
                                                 std::span<const protocol::FetchRequest::ForgottenTopic> forgotten,
                                                 base::TimePoint now);
    void close(std::int32_t id);

    std::size_t slots() const noexcept { return slots_; }
    std::size_t size() const noexcept { return entries_.size(); }
    // For the metrics: partitions in all sessions, and sessions that had to make room so far.
    std::size_t partitions() const noexcept { return partitions_; }
    std::uint64_t evictions() const noexcept { return evictions_; }

private:
    // Who goes first: unprivileged before privileged, small before large.
    using Rank = std::tuple<bool, std::size_t, std::int32_t>;
    struct Entry {
        std::shared_ptr<FetchSession> session;
        bool privileged = false;
        base::TimePoint created;
        base::TimePoint last_used;
        std::size_t size = 0;

        Rank rank() const noexcept { return {privileged, size, session->id()}; }
    };
    std::int32_t new_id();
    bool make_room(const Rank& newcomer, base::TimePoint now);
    void evict(std::int32_t id);
    void index(Entry& entry, base::TimePoint now);
    void drop_index(const Entry& entry);

    std::size_t slots_ = 0;
    std::size_t shard_ = 0;
    std::size_t shards_ = 1;
    base::Random random_{0};
    std::map<std::int32_t, Entry> entries_;
    std::set<std::pair<base::TimePoint, std::int32_t>> by_last_use_;
    // Whom an unprivileged newcomer may drive out, and whom a privileged one.
    std::set<Rank> open_to_all_;
    std::set<Rank> open_to_privileged_;
    std::size_t partitions_ = 0;
    std::uint64_t evictions_ = 0;
};

}  // namespace ottla::broker
