// SPDX-License-Identifier: Apache-2.0
// FetchState: what is to be fetched next, and from whom: for every assigned partition its place, whether that place
// must be looked up first, and when it may be tried again. Pure; the fetch loops and the offset lookups ask it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
            stopped,     // an error that only a seek ends
        };
        SlotPtr slot;
        std::uint32_t turn = 0;
        Phase phase = Phase::lookup;
        // In lookup: beginning, end or tail; stored: what the group has committed; an offset, when the topic is only
        // waited for.
        Offset place;
        // In lookup: the position that was out of range, to be told when the new one is known.
        std::optional<std::int64_t> lost_position;
        std::int64_t position = 0;
        // When a position was out of range last.
        std::optional<TimePoint> last_reset;
        bool in_flight = false;
        TimePoint not_before{};
        // The error that was told last, until it is over.
        ErrorCode told = ErrorCode::none;
        // The end of the partition was told for this offset.
        std::int64_t end_told = -1;
        // As the last fetch told; -1: nothing yet.
        std::int64_t high_watermark = -1;
        std::int64_t last_stable_offset = -1;
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
    };

    // `of_a_group`: a partition without a place begins where the group has committed.
    explicit FetchState(OffsetReset reset, bool of_a_group = false) : reset_(reset), of_a_group_(of_a_group) {}

    // Errors: auto_offset_reset, when the place is unknown and no policy may choose one; the partition is then stopped.
    Result<void> add(SlotPtr, std::uint32_t turn, Offset start);
    void remove(const PartitionSlot&);
    void clear() { partitions_.clear(); }
    Result<void> seek(const PartitionSlot&, std::uint32_t turn, Offset where);
    // Null when it is not assigned any more, or in another turn.
    Partition* find(std::string_view topic, std::int32_t partition, std::uint32_t turn);

    // What has to be looked up now, by topic; each is looking_up from then on.
    std::map<std::string, std::vector<Lookup>> take_lookups(TimePoint now);
    void on_place(Partition&, std::int64_t position);
    // What the group has committed; nothing: nothing. Errors as add().
    Result<void> on_committed(Partition&, std::optional<std::int64_t> offset);
    // The place was not found out: again, not before `at`.
    void lookup_again(Partition&, TimePoint at);
    // The broker does not have the position. The second time within `pause`, it is asked again only after a `pause`: a
    // broker that contradicts itself must not be asked without end. Errors as add().
    Result<void> on_out_of_range(Partition&, TimePoint now, base::Duration pause);

    // The partitions to ask this broker for. Those without a leader are not among them.
    std::vector<Partition*> plan(BrokerId, const MetadataCache&, TimePoint now, const Limits&);
    // This broker leads a partition that is being fetched, though perhaps not now.
    bool has_work(BrokerId, const MetadataCache&) const;
    // The brokers of which that is so.
    std::vector<BrokerId> leaders(const MetadataCache&) const;
    // A partition that is to be fetched has no known leader.
    bool lacks_leader(const MetadataCache&) const;
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
    Result<void> place_at(Partition&, Offset);
    // By the policy.
    Result<void> reset(Partition&);

    OffsetReset reset_;
    bool of_a_group_;
    std::map<Key, Partition> partitions_;
    std::size_t rotation_ = 0;
};

}  // namespace ottla::client
