// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/produce.hpp"

#include <ottla/protocol/check_batch.hpp>
#include "broker/handlers/answers.hpp"
#include "broker/handlers/find_partition.hpp"
#include "broker/handlers/produce_rules.hpp"
#include "broker/handlers/stored_batch.hpp"
#include "broker/partitions/commit_wait.hpp"
#include "broker/server/scatter.hpp"

namespace ottla::broker {
namespace {

using protocol::ProduceRequest;
using protocol::ProduceResponse;

constexpr std::int16_t acks_all = -1;
constexpr std::int16_t produce_tells_leader_from = 10;
constexpr std::int16_t by_topic_id_from = 13;
constexpr std::int16_t zstd_from = 7;

// One partition of the request, from the connection's shard to the owner's and back.
struct ProduceSlot {
    PartitionRef ref;
    Bytes records;
    ProduceResponse::PartitionProduceResponse* answer = nullptr;
    Error error;
};

// What the owner does with its part.
class ProduceOnShard {
public:
    ProduceOnShard(RequestContext& context, const ProduceRequest& request, std::vector<ProduceSlot>& slots)
        : context_(context),
          acks_(request.acks),
          deadline_(context.node.timers->now() + std::chrono::milliseconds(std::max(request.timeout_ms, 0))),
          slots_(slots) {}

    awaitable<void> operator()(Shard& shard, std::span<const std::size_t> indices) {
        CommitWait wait(shard.executor());
        for (const std::size_t index : indices) {
            ProduceSlot& slot = slots_[index];
            auto partition = find_leader(shard, slot.ref);
            if (!partition) {
                slot.error = partition.error();
                continue;
            }
            const auto appended = append(shard, **partition, slot);
            if (!appended) {
                slot.error = appended.error();
            } else if (acks_ == acks_all) {
                wait.add(std::move(*partition), appended->last_offset + 1, slot.error);
            }
        }
        if (acks_ == acks_all) co_await wait.wait(*context_.node.timers, deadline_);
    }

private:
    Result<log::Appended> append(Shard& shard, Partition& partition, ProduceSlot& slot) {
        const auto& settings = partition.settings();
        protocol::BatchRules rules;
        rules.batch_bytes_max = settings.max_message_bytes;
        rules.zstd_allowed = context_.version >= zstd_from;
        BatchSpace& space = shard.batch_space();
        const auto checked =
            protocol::check_produced_batch(slot.records.span(), rules, space.decompressor, space.bytes);
        if (!checked) return checked.error();
        if (checked->view.header().is_transactional()) {
            return Error::of(ErrorCode::invalid_txn_state, "there is no transaction to write in");
        }
        const std::int64_t now_ms = context_.node.timers->wall_ms();
        auto& counts = partition.io().directory().counts();
        if (auto good = check_records_for_topic(*checked, settings, now_ms, slot.answer->record_errors); !good) {
            slot.answer->log_start_offset = partition.log_start_offset();
            counts.appends_refused.add();
            return good.error();
        }
        const auto batch = stored_batch(*checked, settings, space);
        if (!batch) return batch.error();
        if (batch->data() != checked->view.bytes().data()) counts.batches_rewritten.add();
        const auto appended = partition.append(*batch, log::Origin::client, partition.leader_epoch(), now_ms);
        if (!appended) return appended;
        slot.answer->base_offset = appended->first_offset;
        if (settings.log_append_time) slot.answer->log_append_time_ms = appended->repeated_timestamp.value_or(now_ms);
        slot.answer->log_start_offset = partition.log_start_offset();
        return appended;
    }

    RequestContext& context_;
    std::int16_t acks_;
    base::TimePoint deadline_;
    std::vector<ProduceSlot>& slots_;
};

void set_error(ProduceResponse::PartitionProduceResponse& answer, const Error& error) {
    answer.error_code = wire(wire_code(error));
    answer.base_offset = -1;
    answer.log_append_time_ms = -1;
    answer.error_message = std::string(error.text());
}

// The answer with a place for each partition, and a slot for each that can be tried.
std::vector<ProduceSlot> make_slots(const RequestContext& context, ProduceRequest& request, ProduceResponse& response) {
    const bool by_id = context.version >= by_topic_id_from;
    std::size_t count = 0;
    response.responses.reserve(request.topic_data.size());
    for (auto& topic : request.topic_data) {
        auto& answer = response.responses.emplace_back();
        answer.name = topic.name;
        answer.topic_id = topic.topic_id;
        answer.partition_responses.resize(topic.partition_data.size());
        count += topic.partition_data.size();
    }
    std::vector<ProduceSlot> slots;
    slots.reserve(count);
    for (std::size_t t = 0; t < request.topic_data.size(); ++t) {
        auto& topic = request.topic_data[t];
        const auto known = find_topic(*context.image, topic.name, topic.topic_id, by_id);
        for (std::size_t p = 0; p < topic.partition_data.size(); ++p) {
            auto& data = topic.partition_data[p];
            ProduceSlot& slot = slots.emplace_back();
            slot.ref = refer(known, data.index, by_id);
            // What coordinators keep there is not clients' to write.
            if (known && known->is_internal()) slot.ref.error = ErrorCode::invalid_topic_exception;
            if (data.records && data.records->bytes()) slot.records = *data.records->bytes();
            slot.answer = &response.responses[t].partition_responses[p];
            slot.answer->index = data.index;
        }
    }
    return slots;
}

}  // namespace

awaitable<Result<ProduceResponse>> ProduceHandler::handle(RequestContext& context, ProduceRequest& request) {
    context.answer = request.acks != 0;
    if (request.acks < acks_all || request.acks > 1) co_return Error::of(ErrorCode::invalid_required_acks);

    ProduceResponse response;
    std::vector<ProduceSlot> slots = make_slots(context, request, response);
    ProduceOnShard work(context, request, slots);
    const auto owner = [&](std::size_t i) { return context.node.owner_index(slots[i].ref.key); };
    co_await on_owners(context.node, context.shard, slots.size(), owner, work);

    for (const ProduceSlot& slot : slots) {
        if (slot.error == ErrorCode::none) continue;
        // With acks=0 a closed connection is the only way to say that something is wrong.
        if (request.acks == 0) {
            co_return Error::of(ErrorCode::closed, "a produce request with acks=0 failed: " + to_string(slot.error));
        }
        set_error(*slot.answer, slot.error);
        if (context.version >= produce_tells_leader_from && tells_leader(slot.error.code())) {
            tell_leader(slot.ref, *slot.answer);
            tell_endpoint(context, slot.ref, response);
        }
    }
    co_return response;
}

ProduceResponse ProduceHandler::error_answer(const ProduceRequest& request, std::int16_t, ErrorCode code) {
    ProduceResponse response;
    for (const auto& topic : request.topic_data) {
        auto& answer = response.responses.emplace_back();
        answer.name = topic.name;
        answer.topic_id = topic.topic_id;
        for (const auto& data : topic.partition_data) {
            auto& partition = answer.partition_responses.emplace_back();
            partition.index = data.index;
            set_error(partition, Error::of(code));
        }
    }
    return response;
}

}  // namespace ottla::broker
