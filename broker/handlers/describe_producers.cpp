// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/describe_producers.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/find_partition.hpp"
#include "broker/server/scatter.hpp"

namespace ottla::broker {
namespace {

using protocol::DescribeProducersRequest;
using protocol::DescribeProducersResponse;

struct DescribeProducersSlot {
    PartitionRef ref;
    DescribeProducersResponse::PartitionResponse* answer = nullptr;
};

class DescribeProducersOnShard {
public:
    explicit DescribeProducersOnShard(std::vector<DescribeProducersSlot>& slots) : slots_(slots) {}

    awaitable<void> operator()(Shard& shard, std::span<const std::size_t> indices) {
        for (const std::size_t index : indices) {
            auto& answer = *slots_[index].answer;
            const auto partition = find_leader(shard, slots_[index].ref);
            if (!partition) {
                answer.error_code = wire(wire_code(partition.error()));
                answer.error_message = std::string(partition.error().text());
                continue;
            }
            for (const log::ProducerEntry& entry : (*partition)->producers().entries()) {
                auto& producer = answer.active_producers.emplace_back();
                producer.producer_id = entry.producer_id;
                producer.producer_epoch = entry.epoch;
                producer.last_sequence = entry.last_sequence;
                producer.last_timestamp = entry.timestamp;
                producer.coordinator_epoch = entry.coordinator_epoch;
                producer.current_txn_start_offset = entry.transaction_first_offset;
            }
        }
        co_return;
    }

private:
    std::vector<DescribeProducersSlot>& slots_;
};

// The answer with a place for each partition.
DescribeProducersResponse frame(const DescribeProducersRequest& request) {
    DescribeProducersResponse response;
    for (const auto& topic : request.topics) {
        auto& answers = response.topics.emplace_back();
        answers.name = topic.name;
        for (const std::int32_t partition : topic.partition_indexes)
            answers.partitions.emplace_back().partition_index = partition;
    }
    return response;
}

}  // namespace

awaitable<Result<DescribeProducersResponse>> DescribeProducersHandler::handle(RequestContext& context,
                                                                              DescribeProducersRequest& request) {
    DescribeProducersResponse response = frame(request);
    std::vector<DescribeProducersSlot> slots;
    for (auto& topic : response.topics) {
        const auto known = find_topic(*context.image, topic.name, {}, false);
        for (auto& answer : topic.partitions) slots.push_back({refer(known, answer.partition_index, false), &answer});
    }
    DescribeProducersOnShard work(slots);
    const auto owner = [&](std::size_t i) { return context.node.owner_index(slots[i].ref.key); };
    co_await on_owners(context.node, context.shard, slots.size(), owner, work);
    co_return response;
}

DescribeProducersResponse DescribeProducersHandler::error_answer(const DescribeProducersRequest& request, std::int16_t,
                                                                 ErrorCode code) {
    DescribeProducersResponse response = frame(request);
    for (auto& topic : response.topics)
        for (auto& partition : topic.partitions) partition.error_code = wire(code);
    return response;
}

}  // namespace ottla::broker
