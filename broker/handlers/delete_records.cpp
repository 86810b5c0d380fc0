// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/delete_records.hpp"

#include <algorithm>

#include "broker/handlers/answers.hpp"
#include "broker/handlers/find_partition.hpp"
#include "broker/server/housekeeping.hpp"
#include "broker/server/scatter.hpp"

namespace ottla::broker {
namespace {

using protocol::DeleteRecordsRequest;
using protocol::DeleteRecordsResponse;

struct DeleteRecordsSlot {
    PartitionRef ref;
    std::int64_t offset = 0;
    const log::LogDirectory* directory = nullptr;  // that the partition lies in
    DeleteRecordsResponse::DeleteRecordsPartitionResult* answer = nullptr;
};

class DeleteRecordsOnShard {
public:
    explicit DeleteRecordsOnShard(std::vector<DeleteRecordsSlot>& slots) : slots_(slots) {}

    awaitable<void> operator()(Shard& shard, std::span<const std::size_t> indices) {
        for (const std::size_t index : indices) {
            DeleteRecordsSlot& slot = slots_[index];
            const auto begin = delete_records(shard, slot);
            slot.answer->low_watermark = begin ? *begin : -1;
            if (!begin) slot.answer->error_code = wire(wire_code(begin.error()));
        }
        co_return;
    }

private:
    static Result<std::int64_t> delete_records(Shard& shard, DeleteRecordsSlot& slot) {
        // What coordinators know must not go this way.
        if (slot.ref.topic && slot.ref.topic->is_internal()) return Error::of(ErrorCode::invalid_topic_exception);
        const auto partition = find_leader(shard, slot.ref);
        if (!partition) return partition.error();
        if (!(*partition)->settings().deleted) return Error::of(ErrorCode::policy_violation);
        slot.directory = &(*partition)->io().directory();
        return (*partition)->delete_records(slot.offset);
    }

    std::vector<DeleteRecordsSlot>& slots_;
};

std::vector<DeleteRecordsSlot> make_slots(const RequestContext& context, const DeleteRecordsRequest& request,
                                          DeleteRecordsResponse& response) {
    for (const auto& topic : request.topics) {
        auto& answers = response.topics.emplace_back();
        answers.name = topic.name;
        answers.partitions.resize(topic.partitions.size());
    }
    std::vector<DeleteRecordsSlot> slots;
    for (std::size_t t = 0; t < request.topics.size(); ++t) {
        const auto& topic = request.topics[t];
        const auto known = find_topic(*context.image, topic.name, {}, false);
        for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
            DeleteRecordsSlot& slot = slots.emplace_back();
            slot.ref = refer(known, topic.partitions[p].partition_index, false);
            slot.offset = topic.partitions[p].offset;
            slot.answer = &response.topics[t].partitions[p];
            slot.answer->partition_index = topic.partitions[p].partition_index;
        }
    }
    return slots;
}

// What was deleted does not come back by a power cut: the new starts are on stable storage before the answer. In these
// directories.
awaitable<Housekeeping::Done> make_starts_safe(const RequestContext& context) {
    Housekeeping* const housekeeping = context.node.housekeeping;
    if (!housekeeping) co_return Housekeeping::Done(context.node.directories.begin(), context.node.directories.end());
    const auto& first = context.node.shards.front()->executor();
    co_return co_await net::asio::co_spawn(first, housekeeping->write(log::Checkpoint::start_offsets),
                                           net::asio::use_awaitable);
}

}  // namespace

awaitable<Result<DeleteRecordsResponse>> DeleteRecordsHandler::handle(RequestContext& context,
                                                                      DeleteRecordsRequest& request) {
    DeleteRecordsResponse response;
    std::vector<DeleteRecordsSlot> slots = make_slots(context, request, response);
    DeleteRecordsOnShard work(slots);
    const auto owner = [&](std::size_t i) { return context.node.owner_index(slots[i].ref.key); };
    co_await on_owners(context.node, context.shard, slots.size(), owner, work);
    const Housekeeping::Done safe = co_await make_starts_safe(context);
    for (DeleteRecordsSlot& slot : slots) {
        if (slot.answer->error_code != 0 || std::ranges::find(safe, slot.directory) != safe.end()) continue;
        slot.answer->low_watermark = -1;
        slot.answer->error_code = wire(ErrorCode::kafka_storage_error);
    }
    co_return response;
}

DeleteRecordsResponse DeleteRecordsHandler::error_answer(const DeleteRecordsRequest& request, std::int16_t,
                                                         ErrorCode code) {
    DeleteRecordsResponse response;
    for (const auto& topic : request.topics) {
        auto& answers = response.topics.emplace_back();
        answers.name = topic.name;
        for (const auto& wanted : topic.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.partition_index = wanted.partition_index;
            answer.low_watermark = -1;
            answer.error_code = wire(code);
        }
    }
    return response;
}

}  // namespace ottla::broker
