// SPDX-License-Identifier: Apache-2.0
// FetchState: what is to be fetched next, and from whom: for every assigned partition its place, whether that place
// must be looked up or checked first, and when it may be tried again. Pure; the fetch loops, the lookups of offsets
// and the checks of positions ask it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/cluster/metadata_cache.hpp"
#include "client/config/client_config.hpp"
#include "client/consumer/partition_slot.hpp"

namespace ottla::client {

class FetchState {
public:
    struct Partition {
        enum class Phase : std::uint8_t {
            lookup,      // its place has to be asked for
            looking_up,  // it is being asked for
            fetching,    // `position` is what to fetch next
            checking,    // the leader is being asked whether its log leads to `position` (KIP-320)
            stopped,     // an error that only a seek ends
        };
        SlotPtr slot;
        std::uint32_t turn = 0;
        Phase phase = Phase::lookup;
        // In lookup: beginning, end or tail; stored: what the group has committed; an offset, when the topic is only
        // waited for.
        Offset place;
        // In lookup: by the age of the records, as auto.offset.reset=by_duration says; `place` is not looked at.
        bool by_age = false;
        // In lookup: the position that is no good any more, and why, to be told when the new one is known.
        std::optional<std::int64_t> lost_position;
        ErrorCode lost_by = ErrorCode::none;
        // The topic that the position is of; zero: not known yet.
        Uuid topic_id;
        std::int64_t position = 0;
        // Of the record before `position`; -1: not known.
        std::int32_t last_epoch = -1;
        // The leader epoch under which `position` was last known to be good.
        std::int32_t checked_epoch = -1;
        // The leader epoch in which the log was last found to be truncated below a position.
        std::int32_t cut_in_epoch = -1;
        // The follower to read from in place of the leader, until then (KIP-392).
        BrokerId replica = no_broker;
        TimePoint replica_until{};
        // When a position was out of range, or a follower of no use, last.
        std::optional<TimePoint> last_reset;
        bool in_flight = false;
        TimePoint not_before{};
        // The error that was told last, until it is over.
        ErrorCode told = ErrorCode::none;
        // The warning that was logged last, and at which position.
        ErrorCode warned_by = ErrorCode::none;
        std::int64_t warned_at = -1;
        // The end of the partition was told for this offset.
        std::int64_t end_told = -1;
        // As the last fetch told; -1: nothing yet.
        std::int64_t high_watermark = -1;
        std::int64_t last_stable_offset = -1;

        // `position` is what to fetch next.
        bool is_placed() const noexcept { return phase == Phase::fetching || phase == Phase::checking; }
    };
    struct Limits {
        std::int32_t partition_bytes_max;
        // A partition with more than this waiting is not fetched.
        std::int64_t queued_bytes_max;
    };
    struct Lookup {
        std::string topic;
        std::int32_t partition;
        std::uint32_t turn;
        Offset place;
        bool by_age = false;
    };
    // Where the log of the leader says that an epoch ends.
    struct EpochEnd {
        std::int32_t epoch = -1;
        std::int64_t end_offset = -1;
    };
    // What to ask a leader for: where `last_epoch` ends.
    struct Check {
        SlotPtr slot;
        std::uint32_t turn;
        std::int32_t leader_epoch;
        std::int32_t last_epoch;
    };

    // `of_a_group`: a partition without a place begins where the group has committed.
    // Of `whole_topics` nothing may be passed over: whatever `reset` says, they begin at the beginning.
    explicit FetchState(OffsetReset reset, bool of_a_group = false,
                        std::set<std::string, std::less<>> whole_topics = {})
        : reset_(reset),
          of_a_group_(of_a_group),
          whole_topics_(std::move(whole_topics)) {}

    // `epoch`: of the record before an absolute `start`; -1: not known. Errors: auto_offset_reset, when the place is
    // unknown and no policy may choose one; the partition is then stopped.
    Result<void> add(SlotPtr, std::uint32_t turn, Offset start, std::int32_t epoch = -1);
    void remove(const PartitionSlot&);
    void clear() { partitions_.clear(); }
    Result<void> seek(const PartitionSlot&, std::uint32_t turn, Offset where, std::int32_t epoch = -1);
    // Null when it is not assigned any more, or in another turn.
    Partition* find(std::string_view topic, std::int32_t partition, std::uint32_t turn);

    // What has to be looked up now, by topic; each is looking_up from then on.
    std::map<std::string, std::vector<Lookup>> take_lookups(TimePoint now);
    void on_place(Partition&, std::int64_t position);
    // What the group has committed; nothing: nothing. Errors as add().
    Result<void> on_committed(Partition&, std::optional<std::int64_t> offset, std::int32_t epoch);
    // The place was not found out: again, not before `at`.
    void lookup_again(Partition&, TimePoint at);
    // The broker does not have the position. The second time within `pause`, it is asked again only after a `pause`: a
    // broker that contradicts itself must not be asked without end. Errors as add().
    Result<void> on_out_of_range(Partition&, TimePoint now, base::Duration pause);
    // The positions that say nothing any more since their topic is another by the same name. They are looked up anew by
    // the policy; where none may choose, the partition is stopped.
    std::vector<Partition*> take_made_anew(const MetadataCache&);
    // A follower has answered with an error: the leader is asked. The second time within `pause` only after a `pause`:
    // the leader may send us there again.
    void leave_replica(Partition&, TimePoint now, base::Duration pause);

    // The positions to be checked now, by leader: a new one leads, and its log may be another (KIP-320). Each is
    // checking from then on.
    std::map<BrokerId, std::vector<Check>> take_checks(const MetadataCache&, TimePoint now);
    bool needs_checks(const MetadataCache&) const;
    // What came of it, or what a fetch has told. Gives true when the log was truncated below the position, which is
    // now where the logs part. A leader does not truncate what it leads: told again in the same epoch, it is no word on
    // the position. Errors: log_truncation, when no policy may choose another position; the partition is
    // then stopped.
    Result<bool> on_epoch_end(Partition&, EpochEnd, std::int32_t leader_epoch);
    // It was not found out: again, not before `at`.
    void check_again(Partition&, TimePoint at);

    void read_from(Partition&, BrokerId replica, TimePoint until);
    // Whoever reads from this follower, or has done so for long enough, reads from the leader.
    void drop_replica(BrokerId);
    void drop_old_replicas(TimePoint now);

    // The partitions to ask this broker for. Those without a leader are not among them.
    std::vector<Partition*> plan(BrokerId, const MetadataCache&, TimePoint now, const Limits&);
    // A partition is being fetched from this broker, though perhaps not now.
    bool has_work(BrokerId, const MetadataCache&) const;
    // The brokers of which that is so.
    std::vector<BrokerId> sources(const MetadataCache&) const;
    // The partitions that are to be fetched and have no known leader.
    std::vector<const Partition*> leaderless(const MetadataCache&) const;
    // When something that waits may be tried, after `now`; max() when nothing waits for time.
    TimePoint next_time(TimePoint now) const;
    // All there are, by topic and number.
    template <class Visit>
    void visit(Visit&& each) const {
        for (const auto& [key, p] : partitions_) each(p);
    }
    bool empty() const noexcept { return partitions_.empty(); }
    std::size_t size() const noexcept { return partitions_.size(); }

private:
    using Key = std::pair<std::string, std::int32_t>;
    Result<void> place_at(Partition&, Offset, std::int32_t epoch);
    // By the policy.
    Result<void> reset(Partition&);

    OffsetReset reset_of(const Partition&) const;

    OffsetReset reset_;
    bool of_a_group_;
    std::set<std::string, std::less<>> whole_topics_;
    std::map<Key, Partition> partitions_;
    std::size_t rotation_ = 0;
};

}  // namespace ottla::client
