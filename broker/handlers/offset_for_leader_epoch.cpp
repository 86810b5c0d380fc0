// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/offset_for_leader_epoch.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/find_partition.hpp"
#include "broker/server/scatter.hpp"

namespace ottla::broker {
namespace {

using protocol::OffsetForLeaderEpochRequest;
using protocol::OffsetForLeaderEpochResponse;

struct OffsetForLeaderEpochSlot {
    PartitionRef ref;
    const OffsetForLeaderEpochRequest::OffsetForLeaderPartition* wanted = nullptr;
    OffsetForLeaderEpochResponse::EpochEndOffset* answer = nullptr;
};

class OffsetForLeaderEpochOnShard {
public:
    explicit OffsetForLeaderEpochOnShard(std::vector<OffsetForLeaderEpochSlot>& slots) : slots_(slots) {}

    awaitable<void> operator()(Shard& shard, std::span<const std::size_t> indices) {
        for (const std::size_t index : indices) {
            OffsetForLeaderEpochSlot& slot = slots_[index];
            const auto partition = find_leader(shard, slot.ref, slot.wanted->current_leader_epoch);
            if (!partition) {
                slot.answer->error_code = wire(wire_code(partition.error()));
                continue;
            }
            const auto end = (*partition)->epochs().end_of(slot.wanted->leader_epoch, (*partition)->log_end_offset());
            slot.answer->leader_epoch = end.epoch;
            slot.answer->end_offset = end.end_offset;
        }
        co_return;
    }

private:
    std::vector<OffsetForLeaderEpochSlot>& slots_;
};

std::vector<OffsetForLeaderEpochSlot> make_slots(const RequestContext& context,
                                                 const OffsetForLeaderEpochRequest& request,
                                                 OffsetForLeaderEpochResponse& response) {
    for (const auto& topic : request.topics) {
        auto& answers = response.topics.emplace_back();
        answers.topic = topic.topic;
        answers.partitions.resize(topic.partitions.size());
    }
    std::vector<OffsetForLeaderEpochSlot> slots;
    for (std::size_t t = 0; t < request.topics.size(); ++t) {
        const auto& topic = request.topics[t];
        const auto known = find_topic(*context.image, topic.topic, {}, false);
        for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
            OffsetForLeaderEpochSlot& slot = slots.emplace_back();
            slot.wanted = &topic.partitions[p];
            slot.ref = refer(known, slot.wanted->partition, false);
            slot.answer = &response.topics[t].partitions[p];
            slot.answer->partition = slot.wanted->partition;
        }
    }
    return slots;
}

}  // namespace

awaitable<Result<OffsetForLeaderEpochResponse>> OffsetForLeaderEpochHandler::handle(
    RequestContext& context, OffsetForLeaderEpochRequest& request) {
    OffsetForLeaderEpochResponse response;
    std::vector<OffsetForLeaderEpochSlot> slots = make_slots(context, request, response);
    OffsetForLeaderEpochOnShard work(slots);
    const auto owner = [&](std::size_t i) { return context.node.owner_index(slots[i].ref.key); };
    co_await on_owners(context.node, context.shard, slots.size(), owner, work);
    co_return response;
}

OffsetForLeaderEpochResponse OffsetForLeaderEpochHandler::error_answer(const OffsetForLeaderEpochRequest& request,
                                                                       std::int16_t, ErrorCode code) {
    OffsetForLeaderEpochResponse response;
    for (const auto& topic : request.topics) {
        auto& answers = response.topics.emplace_back();
        answers.topic = topic.topic;
        for (const auto& wanted : topic.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.partition = wanted.partition;
            answer.error_code = wire(code);
        }
    }
    return response;
}

}  // namespace ottla::broker
