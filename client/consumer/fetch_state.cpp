// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/fetch_state.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace ottla::client {
namespace {

using FetchPhase = FetchState::Partition::Phase;

BrokerId leader_of(const FetchState::Partition& p, const MetadataCache& metadata) {
    const PartitionInfo* info = metadata.partition(*p.slot->topic, p.slot->partition);
    return info ? info->leader : no_broker;
}

BrokerId source_of(const FetchState::Partition& p, const MetadataCache& metadata) {
    return p.replica != no_broker && metadata.broker(p.replica) ? p.replica : leader_of(p, metadata);
}

bool needs_check(const FetchState::Partition& p, const MetadataCache& metadata) {
    if (p.phase != FetchPhase::fetching || p.last_epoch < 0) return false;
    const PartitionInfo* info = metadata.partition(*p.slot->topic, p.slot->partition);
    return info && info->leader != no_broker && info->leader_epoch > p.checked_epoch;
}

}  // namespace

Result<void> FetchState::place_at(Partition& p, Offset where, std::int32_t epoch) {
    p.not_before = {};
    p.end_told = -1;
    p.by_age = false;
    p.topic_id = {};
    p.last_epoch = where.is_absolute() ? epoch : -1;
    p.checked_epoch = p.cut_in_epoch = -1;
    if (where.is_absolute()) {
        p.phase = FetchPhase::fetching;
        p.position = where.value();
        return ok();
    }
    const bool known = where == Offset::beginning() || where == Offset::end() || where.is_tail();
    if (!known && !of_a_group_) return reset(p);
    p.phase = FetchPhase::lookup;
    p.place = known ? where : Offset::stored();
    return ok();
}

OffsetReset FetchState::reset_of(const Partition& p) const {
    return whole_topics_.contains(*p.slot->topic) ? OffsetReset::earliest : reset_;
}

Result<void> FetchState::reset(Partition& p) {
    p.last_epoch = p.cut_in_epoch = -1;
    p.not_before = {};
    p.end_told = -1;
    const auto policy = reset_of(p);
    if (policy == OffsetReset::none) {
        p.phase = FetchPhase::stopped;
        return Error::of(ErrorCode::auto_offset_reset,
                         fmt::format("{}[{}] has no offset to start from, and auto.offset.reset=error forbids choosing "
                                     "one; seek to an offset",
                                     *p.slot->topic, p.slot->partition));
    }
    p.phase = FetchPhase::lookup;
    p.place = policy == OffsetReset::earliest ? Offset::beginning() : Offset::end();
    p.by_age = policy == OffsetReset::by_duration;
    return ok();
}

Result<void> FetchState::add(SlotPtr slot, std::uint32_t turn, Offset start, std::int32_t epoch) {
    Key key(*slot->topic, slot->partition);
    Partition& p = partitions_[std::move(key)];
    p = Partition();
    p.slot = std::move(slot);
    p.turn = turn;
    auto placed = place_at(p, start, epoch);
    // Also with a place that is known: the topic has to be waited for.
    if (placed && p.phase == FetchPhase::fetching) {
        p.phase = FetchPhase::lookup;
        p.place = start;
    }
    return placed;
}

void FetchState::remove(const PartitionSlot& slot) {
    const auto at = partitions_.find(Key(*slot.topic, slot.partition));
    // It may be assigned anew already.
    if (at != partitions_.end() && at->second.slot.get() == &slot) partitions_.erase(at);
}

Result<void> FetchState::seek(const PartitionSlot& slot, std::uint32_t turn, Offset where, std::int32_t epoch) {
    const auto at = partitions_.find(Key(*slot.topic, slot.partition));
    if (at == partitions_.end() || at->second.slot.get() != &slot) return ok();
    at->second.turn = turn;
    at->second.in_flight = false;
    at->second.lost_position.reset();
    return place_at(at->second, where, epoch);
}

FetchState::Partition* FetchState::find(std::string_view topic, std::int32_t partition, std::uint32_t turn) {
    const auto at = partitions_.find(Key(topic, partition));
    return at != partitions_.end() && at->second.turn == turn ? &at->second : nullptr;
}

std::map<std::string, std::vector<FetchState::Lookup>> FetchState::take_lookups(TimePoint now) {
    std::map<std::string, std::vector<Lookup>> found;
    for (auto& [key, p] : partitions_) {
        if (p.phase != FetchPhase::lookup || p.not_before > now) continue;
        p.phase = FetchPhase::looking_up;
        found[key.first].push_back({key.first, key.second, p.turn, p.place, p.by_age});
    }
    return found;
}

void FetchState::on_place(Partition& p, std::int64_t position) {
    p.phase = FetchPhase::fetching;
    p.position = position;
    p.not_before = {};
    p.by_age = false;
    p.lost_position.reset();
}

Result<void> FetchState::on_committed(Partition& p, std::optional<std::int64_t> offset, std::int32_t epoch) {
    if (!offset) return reset(p);
    p.phase = FetchPhase::lookup;
    p.place = *offset;
    p.last_epoch = epoch;
    p.not_before = {};
    return ok();
}

void FetchState::lookup_again(Partition& p, TimePoint at) {
    p.phase = FetchPhase::lookup;
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
    p.lost_by = ErrorCode::offset_out_of_range;
    if (p.last_reset && now < *p.last_reset + pause) p.not_before = now + pause;
    p.last_reset = now;
    return ok();
}

std::vector<FetchState::Partition*> FetchState::take_made_anew(const MetadataCache& metadata) {
    std::vector<Partition*> anew;
    for (auto& [key, p] : partitions_) {
        const auto id = metadata.id_of(key.first);
        if (!id || id->is_zero()) continue;
        if (const auto before = std::exchange(p.topic_id, *id); before.is_zero() || before == *id) continue;
        if (p.phase == FetchPhase::stopped) continue;
        p.checked_epoch = -1;
        p.replica = no_broker;
        const bool has_position = p.is_placed() || p.place.is_absolute();
        if (!has_position) {
            // What is being looked up may be of the old one.
            p.phase = FetchPhase::lookup;
            continue;
        }
        p.lost_position = p.is_placed() ? p.position : p.place.value();
        p.lost_by = ErrorCode::inconsistent_topic_id;
        static_cast<void>(reset(p).has_error());
        anew.push_back(&p);
    }
    return anew;
}

void FetchState::leave_replica(Partition& p, TimePoint now, base::Duration pause) {
    p.replica = no_broker;
    p.not_before = p.last_reset && now < *p.last_reset + pause ? now + pause : TimePoint{};
    p.last_reset = now;
}

std::map<BrokerId, std::vector<FetchState::Check>> FetchState::take_checks(const MetadataCache& metadata,
                                                                           TimePoint now) {
    std::map<BrokerId, std::vector<Check>> found;
    for (auto& [key, p] : partitions_) {
        if (p.in_flight || p.not_before > now || !needs_check(p, metadata)) continue;
        const PartitionInfo* info = metadata.partition(key.first, key.second);
        p.phase = FetchPhase::checking;
        found[info->leader].push_back({p.slot, p.turn, info->leader_epoch, p.last_epoch});
    }
    return found;
}

bool FetchState::needs_checks(const MetadataCache& metadata) const {
    return std::ranges::any_of(
        partitions_, [&](const auto& entry) { return !entry.second.in_flight && needs_check(entry.second, metadata); });
}

Result<bool> FetchState::on_epoch_end(Partition& p, EpochEnd end, std::int32_t leader_epoch) {
    p.phase = FetchPhase::fetching;
    p.not_before = {};
    p.checked_epoch = std::max(p.checked_epoch, leader_epoch);
    const bool is_cut = end.end_offset < p.position;
    const bool contradicts_itself = is_cut && leader_epoch >= 0 && p.cut_in_epoch == leader_epoch;
    if (end.epoch < 0 || end.end_offset < 0 || contradicts_itself) {
        // The leader knows nothing of that epoch, which is no word on the position.
        p.last_epoch = -1;
        return false;
    }
    p.last_epoch = end.epoch;
    if (!is_cut) return false;
    p.cut_in_epoch = leader_epoch;
    if (reset_of(p) == OffsetReset::none) {
        p.phase = FetchPhase::stopped;
        return Error::of(ErrorCode::log_truncation,
                         fmt::format("{}[{}] was truncated to {}, and what was read up to {} is not what is there now; "
                                     "auto.offset.reset=error forbids going on by itself: seek to an offset",
                                     *p.slot->topic, p.slot->partition, end.end_offset, p.position));
    }
    p.position = end.end_offset;
    p.end_told = -1;
    return true;
}

void FetchState::check_again(Partition& p, TimePoint at) {
    p.phase = FetchPhase::fetching;
    p.not_before = at;
}

void FetchState::read_from(Partition& p, BrokerId replica, TimePoint until) {
    p.replica = replica;
    p.replica_until = until;
    p.not_before = {};
}

void FetchState::drop_replica(BrokerId replica) {
    for (auto& [key, p] : partitions_)
        if (p.replica == replica) p.replica = no_broker;
}

void FetchState::drop_old_replicas(TimePoint now) {
    for (auto& [key, p] : partitions_)
        if (p.replica_until <= now) p.replica = no_broker;
}

std::vector<FetchState::Partition*> FetchState::plan(BrokerId broker, const MetadataCache& metadata, TimePoint now,
                                                     const Limits& limits) {
    std::vector<Partition*> chosen;
    for (auto& [key, p] : partitions_) {
        if (p.phase != FetchPhase::fetching || p.in_flight || p.not_before > now || needs_check(p, metadata)) continue;
        if (p.slot->paused.load(std::memory_order_relaxed)) continue;
        if (p.slot->queued_bytes.load(std::memory_order_relaxed) > limits.queued_bytes_max) continue;
        if (source_of(p, metadata) == broker) chosen.push_back(&p);
    }
    // A broker fills its answer in the order asked: nobody is to be first forever.
    if (!chosen.empty())
        std::ranges::rotate(chosen, chosen.begin() + static_cast<std::ptrdiff_t>(rotation_++ % chosen.size()));
    return chosen;
}

bool FetchState::has_work(BrokerId broker, const MetadataCache& metadata) const {
    return std::ranges::any_of(partitions_, [&](const auto& entry) {
        return entry.second.is_placed() && source_of(entry.second, metadata) == broker;
    });
}

std::vector<BrokerId> FetchState::sources(const MetadataCache& metadata) const {
    std::set<BrokerId> found;
    for (const auto& [key, p] : partitions_) {
        const auto source = source_of(p, metadata);
        if (p.is_placed() && source != no_broker) found.insert(source);
    }
    return {found.begin(), found.end()};
}

std::vector<const FetchState::Partition*> FetchState::leaderless(const MetadataCache& metadata) const {
    std::vector<const Partition*> found;
    for (const auto& [key, p] : partitions_)
        if (p.is_placed() && leader_of(p, metadata) == no_broker) found.push_back(&p);
    return found;
}

TimePoint FetchState::next_time(TimePoint now) const {
    auto next = TimePoint::max();
    for (const auto& [key, p] : partitions_) {
        if (p.replica != no_broker && p.replica_until > now) next = std::min(next, p.replica_until);
        const bool waits = p.phase == FetchPhase::lookup || p.phase == FetchPhase::fetching;
        // What is due already waits for something else: a connection, room.
        if (waits && !p.in_flight && p.not_before > now) next = std::min(next, p.not_before);
    }
    return next;
}

}  // namespace ottla::client
