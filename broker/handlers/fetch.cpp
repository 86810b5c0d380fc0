// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/fetch.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/fetch_slots.hpp"

namespace ottla::broker {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;

constexpr std::int16_t fetch_tells_leader_from = 12;

void fill(FetchResponse::PartitionData& answer, const FetchSlot& slot) {
    answer.error_code = wire(slot.error);
    if (slot.error != ErrorCode::none) {
        answer.high_watermark = -1;
        return;
    }
    answer.high_watermark = slot.high_watermark;
    answer.last_stable_offset = slot.last_stable_offset;
    answer.log_start_offset = slot.log_start_offset;
    if (slot.diverging) {
        answer.diverging_epoch.epoch = slot.diverging->epoch;
        answer.diverging_epoch.end_offset = slot.diverging->end_offset;
    }
    if (slot.range.length != 0) answer.records = protocol::Records(slot.range);
}

FetchResponse make_response(const RequestContext& context, const FetchRequest& request, const FetchSlots& fetch) {
    FetchResponse response;
    response.responses.reserve(request.topics.size());
    auto slot = fetch.all().begin();
    for (const auto& topic : request.topics) {
        auto& answers = response.responses.emplace_back();
        answers.topic = topic.topic;
        answers.topic_id = topic.topic_id;
        answers.partitions.reserve(topic.partitions.size());
        for (const auto& wanted : topic.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.partition_index = wanted.partition;
            // Who reads uncommitted does not look for aborted transactions: null.
            if (request.isolation_level == 0) answer.aborted_transactions.reset();
            answer.records.emplace();
            fill(answer, *slot);
            if (context.version >= fetch_tells_leader_from && tells_leader(slot->error)) {
                tell_leader(context, slot->ref, answer, response);
            }
            ++slot;
        }
    }
    return response;
}

}  // namespace

awaitable<Result<FetchResponse>> FetchHandler::handle(RequestContext& context, FetchRequest& request) {
    // Only a session goes on with a rising epoch, and there are none.
    if (request.session_epoch > 0) co_return Error::of(ErrorCode::fetch_session_id_not_found);
    FetchSlots fetch(context, request);
    const auto deadline =
        context.node.timers->now() + std::chrono::milliseconds(std::max<std::int32_t>(request.max_wait_ms, 0));
    co_await fetch.read();
    while (!fetch.is_enough() && context.node.timers->now() < deadline) {
        co_await fetch.wait(deadline);
        co_await fetch.read();
    }
    co_return make_response(context, request, fetch);
}

FetchResponse FetchHandler::error_answer(const FetchRequest& request, std::int16_t version, ErrorCode code) {
    FetchResponse response;
    // From version 7 on there is one place for it; the client does not look further.
    if (version >= 7) {
        response.error_code = wire(code);
        return response;
    }
    for (const auto& topic : request.topics) {
        auto& answers = response.responses.emplace_back();
        answers.topic = topic.topic;
        for (const auto& wanted : topic.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.partition_index = wanted.partition;
            answer.error_code = wire(code);
            answer.high_watermark = -1;
            answer.records.emplace();
        }
    }
    return response;
}

}  // namespace ottla::broker
