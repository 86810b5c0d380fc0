// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/fetch_state.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace ottla::client {
namespace {

BrokerId leader_of(const FetchState::Partition& p, const MetadataCache& metadata) {
    const PartitionInfo* info = metadata.partition(*p.slot->topic, p.slot->partition);
    return info ? info->leader : no_broker;
}

}  // namespace

Result<void> FetchState::place_at(Partition& p, Offset where) {
    using Phase = Partition::Phase;
    p.not_before = {};
    p.end_told = -1;
    if (where.is_absolute()) {
        p.phase = Phase::fetching;
        p.position = where.value();
        return ok();
    }
    const bool known = where == Offset::beginning() || where == Offset::end() || where.is_tail();
    if (!known && !of_a_group_) return reset(p);
    p.phase = Phase::lookup;
    p.place = known ? where : Offset::stored();
    return ok();
}

Result<void> FetchState::reset(Partition& p) {
    using Phase = Partition::Phase;
    p.not_before = {};
    p.end_told = -1;
    if (reset_ == OffsetReset::none) {
        p.phase = Phase::stopped;
        return Error::of(ErrorCode::auto_offset_reset,
                         fmt::format("{}[{}] has no offset to start from, and auto.offset.reset=error forbids choosing "
                                     "one; seek to an offset",
                                     *p.slot->topic, p.slot->partition));
    }
    p.phase = Phase::lookup;
    p.place = reset_ == OffsetReset::earliest ? Offset::beginning() : Offset::end();
    return ok();
}

Result<void> FetchState::add(SlotPtr slot, std::uint32_t turn, Offset start) {
    Key key(*slot->topic, slot->partition);
    Partition& p = partitions_[std::move(key)];
    p = Partition();
    p.slot = std::move(slot);
    p.turn = turn;
    auto placed = place_at(p, start);
    // Also with a place that is known: the topic has to be waited for.
    if (placed && p.phase == Partition::Phase::fetching) {
        p.phase = Partition::Phase::lookup;
        p.place = start;
    }
    return placed;
}

void FetchState::remove(const PartitionSlot& slot) {
    const auto at = partitions_.find(Key(*slot.topic, slot.partition));
    // It may be assigned anew already.
    if (at != partitions_.end() && at->second.slot.get() == &slot) partitions_.erase(at);
}

Result<void> FetchState::seek(const PartitionSlot& slot, std::uint32_t turn, Offset where) {
    const auto at = partitions_.find(Key(*slot.topic, slot.partition));
    if (at == partitions_.end() || at->second.slot.get() != &slot) return ok();
    at->second.turn = turn;
    at->second.in_flight = false;
    at->second.lost_position.reset();
    return place_at(at->second, where);
}

FetchState::Partition* FetchState::find(std::string_view topic, std::int32_t partition, std::uint32_t turn) {
    const auto at = partitions_.find(Key(topic, partition));
    return at != partitions_.end() && at->second.turn == turn ? &at->second : nullptr;
}

std::map<std::string, std::vector<FetchState::Lookup>> FetchState::take_lookups(TimePoint now) {
    std::map<std::string, std::vector<Lookup>> found;
    for (auto& [key, p] : partitions_) {
        if (p.phase != Partition::Phase::lookup || p.not_before > now) continue;
        p.phase = Partition::Phase::looking_up;
        found[key.first].push_back({key.first, key.second, p.turn, p.place});
    }
    return found;
}

void FetchState::on_place(Partition& p, std::int64_t position) {
    p.phase = Partition::Phase::fetching;
    p.position = position;
    p.not_before = {};
    p.lost_position.reset();
}

Result<void> FetchState::on_committed(Partition& p, std::optional<std::int64_t> offset) {
    if (!offset) return reset(p);
    p.phase = Partition::Phase::lookup;
    p.place = *offset;
    p.not_before = {};
    return ok();
}

void FetchState::lookup_again(Partition& p, TimePoint at) {
    p.phase = Partition::Phase::lookup;
    p.not_before = at;
}

Result<void> FetchState::on_out_of_range(Partition& p, TimePoint now, base::Duration pause) {
    const auto lost = p.position;
    auto placed = reset(p);
    if (!placed)
        return Error::of(ErrorCode::auto_offset_reset,
                         fmt::format("{}[{}] has no offset {} (any more, or yet), and auto.offset.reset=error forbids "
                                     "choosing another; seek to one",
                                     *p.slot->topic, p.slot->partition, lost));
    p.lost_position = lost;
    if (p.last_reset && now < *p.last_reset + pause) p.not_before = now + pause;
    p.last_reset = now;
    return ok();
}

std::vector<FetchState::Partition*> FetchState::plan(BrokerId broker, const MetadataCache& metadata, TimePoint now,
                                                     const Limits& limits) {
    std::vector<Partition*> chosen;
    for (auto& [key, p] : partitions_) {
        if (p.phase != Partition::Phase::fetching || p.in_flight || p.not_before > now) continue;
        if (p.slot->paused.load(std::memory_order_relaxed)) continue;
        if (p.slot->queued_bytes.load(std::memory_order_relaxed) > limits.queued_bytes_max) continue;
        if (leader_of(p, metadata) == broker) chosen.push_back(&p);
    }
    // A broker fills its answer in the order asked: nobody is to be first forever.
    if (!chosen.empty())
        std::ranges::rotate(chosen, chosen.begin() + static_cast<std::ptrdiff_t>(rotation_++ % chosen.size()));
    return chosen;
}

bool FetchState::has_work(BrokerId broker, const MetadataCache& metadata) const {
    return std::ranges::any_of(partitions_, [&](const auto& entry) {
        return entry.second.phase == Partition::Phase::fetching && leader_of(entry.second, metadata) == broker;
    });
}

std::vector<BrokerId> FetchState::leaders(const MetadataCache& metadata) const {
    std::set<BrokerId> found;
    for (const auto& [key, p] : partitions_) {
        const auto leader = leader_of(p, metadata);
        if (p.phase == Partition::Phase::fetching && leader != no_broker) found.insert(leader);
    }
    return {found.begin(), found.end()};
}

bool FetchState::lacks_leader(const MetadataCache& metadata) const {
    return std::ranges::any_of(partitions_, [&](const auto& entry) {
        return entry.second.phase == Partition::Phase::fetching && leader_of(entry.second, metadata) == no_broker;
    });
}

TimePoint FetchState::next_time(TimePoint now) const {
    auto next = TimePoint::max();
    for (const auto& [key, p] : partitions_) {
        const bool waits = p.phase == Partition::Phase::lookup || p.phase == Partition::Phase::fetching;
        // What is due already waits for something else: a connection, room.
        if (waits && !p.in_flight && p.not_before > now) next = std::min(next, p.not_before);
    }
    return next;
}

}  // namespace ottla::client
