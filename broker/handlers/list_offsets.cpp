// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/list_offsets.hpp"

#include <map>
#include <utility>

#include "broker/handlers/answers.hpp"
#include "broker/handlers/find_partition.hpp"
#include "broker/partitions/run_plan.hpp"
#include "broker/server/scatter.hpp"

namespace ottla::broker {
namespace {

using log::TimestampOffset;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;

// What negative times stand for, and from which version on they may be asked for.
enum SpecialTime : std::int64_t {
    latest = -1,
    earliest = -2,
    max_timestamp = -3,
    earliest_local = -4,          // what is on this broker's disks; all of it, without tiered storage
    latest_tiered = -5,           // nothing is
    earliest_pending_upload = -6  // nothing waits
};

bool is_known_time(std::int64_t timestamp, std::int16_t version) noexcept {
    switch (timestamp) {
        case max_timestamp: return version >= 7;
        case earliest_local: return version >= 8;
        case latest_tiered: return version >= 9;
        case earliest_pending_upload: return version >= 11;
        default: return timestamp >= earliest;
    }
}

struct ListOffsetsSlot {
    PartitionRef ref;
    const ListOffsetsRequest::ListOffsetsPartition* wanted = nullptr;
    ListOffsetsResponse::ListOffsetsPartitionResponse* answer = nullptr;
    bool is_repeated = false;
};

// Followers and debugging tools (-2) see the whole log.
constexpr std::int32_t a_consumer = -1;
constexpr std::int16_t knows_offset_not_available_from = 5;

ReadUpTo bound_of(const ListOffsetsRequest& request) noexcept {
    if (request.replica_id != a_consumer) return ReadUpTo::log_end;
    return request.isolation_level == 0 ? ReadUpTo::high_watermark : ReadUpTo::last_stable;
}

// KIP-207: a new leader does not know yet that everything up to the start of its epoch is committed. The former one
// may have told a later end, and ends must not go back.
bool is_behind_its_epoch(const Partition& partition, ReadUpTo up_to) {
    const auto& epochs = partition.epochs().entries();
    if (up_to == ReadUpTo::log_end || epochs.empty()) return false;
    return epochs.back().epoch == partition.leader_epoch() && epochs.back().start_offset > partition.high_watermark();
}

TimestampOffset at_end(const Partition& partition, ReadUpTo up_to) {
    return {-1, partition.end(up_to).offset, partition.leader_epoch()};
}
TimestampOffset at_start(const Partition& partition) {
    const std::int64_t start = partition.log_start_offset();
    const auto epoch = partition.epochs().epoch_of(start);
    return {-1, start, epoch ? *epoch : -1};
}

class ListOffsetsOnShard {
public:
    ListOffsetsOnShard(std::int16_t version, ReadUpTo up_to, std::vector<ListOffsetsSlot>& slots)
        : version_(version),
          up_to_(up_to),
          slots_(slots) {}

    awaitable<void> operator()(Shard& shard, std::span<const std::size_t> indices) {
        for (const std::size_t index : indices) {
            ListOffsetsSlot& slot = slots_[index];
            auto found = co_await look(shard, slot);
            if (found) {
                slot.answer->timestamp = found->timestamp;
                slot.answer->offset = found->offset;
                // Versions before 4 know no epochs.
                if (version_ >= 4) slot.answer->leader_epoch = found->leader_epoch;
            } else {
                slot.answer->error_code = wire(wire_code(found.error()));
            }
        }
    }

private:
    awaitable<Result<TimestampOffset>> look(Shard& shard, const ListOffsetsSlot& slot) {
        if (slot.is_repeated) co_return Error::of(ErrorCode::invalid_request);
        const std::int64_t timestamp = slot.wanted->timestamp;
        if (!is_known_time(timestamp, version_)) co_return Error::of(ErrorCode::unsupported_version);
        auto partition = find_leader(shard, slot.ref, slot.wanted->current_leader_epoch);
        if (!partition) co_return partition.error();
        const bool is_behind = is_behind_its_epoch(**partition, up_to_);
        switch (timestamp) {
            case latest:
                if (is_behind) co_return not_available();
                co_return at_end(**partition, up_to_);
            case earliest:
            case earliest_local: co_return at_start(**partition);
            case latest_tiered:
            case earliest_pending_upload: co_return TimestampOffset{};
            default: break;
        }
        auto plan = timestamp == max_timestamp ? (*partition)->plan_max_timestamp(up_to_)
                                               : (*partition)->plan_time(timestamp, up_to_);
        if (!plan) co_return plan.error();
        auto found = co_await run_plan((*partition)->io(), std::move(*plan));
        if (!found) co_return found.error();
        if (!*found && is_behind) co_return not_available();
        co_return *found ? **found : TimestampOffset{};
    }

    Error not_available() const {
        return Error::of(version_ >= knows_offset_not_available_from ? ErrorCode::offset_not_available
                                                                     : ErrorCode::leader_not_available);
    }

    std::int16_t version_;
    ReadUpTo up_to_;
    std::vector<ListOffsetsSlot>& slots_;
};

std::vector<ListOffsetsSlot> make_slots(const RequestContext& context, const ListOffsetsRequest& request,
                                        ListOffsetsResponse& response) {
    for (const auto& topic : request.topics) {
        auto& answers = response.topics.emplace_back();
        answers.name = topic.name;
        answers.partitions.resize(topic.partitions.size());
    }
    std::vector<ListOffsetsSlot> slots;
    std::map<std::pair<std::string_view, std::int32_t>, int> times;
    for (std::size_t t = 0; t < request.topics.size(); ++t) {
        const auto& topic = request.topics[t];
        const auto known = find_topic(*context.image, topic.name, {}, false);
        for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
            ListOffsetsSlot& slot = slots.emplace_back();
            slot.wanted = &topic.partitions[p];
            slot.ref = refer(known, slot.wanted->partition_index, false);
            slot.answer = &response.topics[t].partitions[p];
            slot.answer->partition_index = slot.wanted->partition_index;
            ++times[{topic.name, slot.wanted->partition_index}];
        }
    }
    auto slot = slots.begin();
    for (const auto& topic : request.topics) {
        for (const auto& partition : topic.partitions) {
            (slot++)->is_repeated = times[{topic.name, partition.partition_index}] > 1;
        }
    }
    return slots;
}

}  // namespace

awaitable<Result<ListOffsetsResponse>> ListOffsetsHandler::handle(RequestContext& context,
                                                                  ListOffsetsRequest& request) {
    ListOffsetsResponse response;
    std::vector<ListOffsetsSlot> slots = make_slots(context, request, response);
    ListOffsetsOnShard work(context.version, bound_of(request), slots);
    const auto owner = [&](std::size_t i) { return context.node.owner_index(slots[i].ref.key); };
    co_await on_owners(context.node, context.shard, slots.size(), owner, work);
    co_return response;
}

ListOffsetsResponse ListOffsetsHandler::error_answer(const ListOffsetsRequest& request, std::int16_t, ErrorCode code) {
    ListOffsetsResponse response;
    for (const auto& topic : request.topics) {
        auto& answers = response.topics.emplace_back();
        answers.name = topic.name;
        for (const auto& partition : topic.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.partition_index = partition.partition_index;
            answer.error_code = wire(code);
        }
    }
    return response;
}

}  // namespace ottla::broker
