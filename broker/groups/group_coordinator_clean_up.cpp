// SPDX-License-Identifier: Apache-2.0
// GroupCoordinator: what goes by itself: offsets whose time is over or whose topic is gone, and groups that nothing is
// left of. Some records at a time, so that they fit into a batch.
#include <utility>

#include "broker/groups/group_coordinator.hpp"
#include "broker/groups/offset_expiry.hpp"

namespace ottla::broker::groups {
bool GroupCoordinator::drop_offsets(Turn& step, const Group& group, const OffsetFilter& goes, BatchRoom& room) {
    for (const auto& place : group.offsets.all()) {
        if (!goes(place)) continue;
        if (!room.take(group.classic.id().size() + place.topic.size())) return true;
        step.write(offset_tombstone(group.classic.id(), place.topic, place.partition));
    }
    return false;
}

Decision GroupCoordinator::clean_up(Moment at) {
    Decision decision;
    Turn step = turn(at, decision);
    auto place = groups_.lower_bound(clean_up_from_);
    BatchRoom room;
    while (place != groups_.end() && !clean_up_group(step, place->second, room)) ++place;
    if (place == groups_.end()) {
        end_clean_up(at);
        return decision;
    }
    // The rest follows at once, unless the log takes nothing.
    clean_up_from_ = place->first;
    decision.then = [this](Turn& next, ErrorCode written) {
        if (written != ErrorCode::none) end_clean_up({next.now, next.wall_ms});
    };
    return decision;
}

void GroupCoordinator::end_clean_up(Moment at) {
    clean_up_from_.clear();
    next_clean_up_ = at.now + std::chrono::milliseconds(settings_.retention_check_interval_ms);
}

// True: there is more than one batch may hold.
bool GroupCoordinator::clean_up_group(Turn& step, const Group& group, BatchRoom& room) {
    const ConsumerGroup* const consumer = group.consumer ? &*group.consumer : nullptr;
    const OffsetExpiry expiry(group.classic, consumer, step.wall_ms, settings_.retention_ms);
    std::size_t kept = 0;
    const auto is_over = [&](const GroupOffsets::Place& place) {
        const bool goes = place.committed && expiry.is_over(place.topic, *place.committed);
        if (!goes) ++kept;
        return goes;
    };
    if (drop_offsets(step, group, is_over, room)) return true;
    const bool is_deserted = !group.has_members() && group.classic.pending().empty();
    if (kept != 0 || !is_deserted || (!group.is_recorded && !group.consumer)) return false;
    if (!room.take(group.classic.id().size())) return true;
    write_group_tombstones(step, group.classic.id());
    return false;
}

Decision GroupCoordinator::drop_offsets_of_topics(const TopicFilter& gone, std::optional<std::string>& from,
                                                  Moment at) {
    Decision decision;
    Turn step = turn(at, decision);
    BatchRoom room;
    // Those of transactions, too: their marker must not bring them back.
    const auto goes = [&](const GroupOffsets::Place& place) { return gone(place.topic, place.topic_id); };
    for (auto place = groups_.lower_bound(from.value_or("")); place != groups_.end(); ++place) {
        if (!drop_offsets(step, place->second, goes, room)) continue;
        from = place->first;
        return decision;
    }
    from.reset();
    return decision;
}

}  // namespace ottla::broker::groups
