// SPDX-License-Identifier: Apache-2.0
// FetchSession: what one reader fetches, remembered between its requests, so that a request names only what changed
// and an answer only what is new (KIP-227). Decides, and does nothing else; touched on its owner's shard.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ottla/protocol/messages/fetch_request.hpp>

namespace ottla::broker {

// Fetches of lower versions name topics by their names, the others by their ids, and so do the answers.
inline constexpr std::int16_t fetch_by_topic_id_from = 13;

// A topic as a fetch names it: by name alone or by id alone.
struct FetchedTopic {
    std::string name;
    Uuid id;
    friend auto operator<=>(const FetchedTopic&, const FetchedTopic&) = default;
};

// A partition that is fetched.
struct FetchItem {
    std::shared_ptr<const FetchedTopic> topic;
    protocol::FetchRequest::FetchPartition wanted;
};
// In the order of the request, whose partitions they take.
std::vector<FetchItem> take_items(protocol::FetchRequest& request, bool by_topic_id);

// What was found of an item: as much of it as decides whether to tell.
struct FetchNews {
    std::int64_t high_watermark = -1;
    std::int64_t log_start_offset = -1;
    bool has_records = false;
    bool is_error = false;
    bool is_diverging = false;
};

class FetchSession {
public:
    // `news` of every one of `items` are about to be told. A partition named twice counts once.
    FetchSession(std::int32_t id, bool by_topic_id, std::span<const FetchItem> items, std::span<const FetchNews> news);
    FetchSession(const FetchSession&) = delete;
    FetchSession& operator=(const FetchSession&) = delete;

    std::int32_t id() const noexcept { return id_; }
    bool by_topic_id() const noexcept { return by_topic_id_; }
    std::size_t size() const noexcept { return partitions_.size(); }
    // What the next request must carry: 1, 2, … and after the largest 1 again, as 0 begins anew.
    std::int32_t epoch() const noexcept { return epoch_; }
    static std::int32_t epoch_after(std::int32_t epoch) noexcept;
    void advance_epoch() noexcept { epoch_ = epoch_after(epoch_); }

    // New partitions go to the end; known ones are fetched as `changed` says and keep their place.
    void update(std::vector<FetchItem> changed, std::span<const protocol::FetchRequest::ForgottenTopic> forgotten);
    // All partitions, in the order in which they are to be read.
    std::vector<FetchItem> items() const;
    // Of each partition, in the order of items(), whether it has to be told; that is then taken as told. Partitions
    // with records move to the end, so that none starves under the limits of the answers.
    std::vector<bool> tell(std::span<const FetchNews> news);

private:
    struct CachedPartition {
        FetchItem item;
        std::int64_t told_high_watermark = -1;
        std::int64_t told_log_start_offset = -1;

        bool tell(const FetchNews&) noexcept;
    };
    using Partitions = std::list<CachedPartition>;
    struct CachedTopic {
        std::shared_ptr<const FetchedTopic> topic;
        std::map<std::int32_t, Partitions::iterator> partitions;
    };
    // Added when it was not there.
    CachedPartition& at(const FetchItem& item);
    void forget(const FetchedTopic& topic, std::span<const std::int32_t> partitions);

    std::int32_t id_;
    bool by_topic_id_;
    std::int32_t epoch_ = 1;
    Partitions partitions_;
    std::map<FetchedTopic, CachedTopic> topics_;
};

}  // namespace ottla::broker
